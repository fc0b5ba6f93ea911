"""Devices with the memory that they are sold with and the memory that can be used."""
