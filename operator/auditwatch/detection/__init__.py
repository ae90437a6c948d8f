"""Rules, from what people wrote to signals: compile, index, match, count, and say what each rule can see. Pure."""
