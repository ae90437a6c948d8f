"""The kinds people write and read: pydantic models, their problems, their conditions, and the CRDs made of them."""
