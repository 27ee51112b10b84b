"""The serial link: frames, messages, ports, and the request/reply client."""
