"""The published contract: JSON Schemas and an AsyncAPI document, written from the message types, and never broken."""
