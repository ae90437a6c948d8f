"""The documentation: menu and links, commands, and every word of reference checked both ways."""
