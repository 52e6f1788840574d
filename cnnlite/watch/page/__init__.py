"""What the live page adds to a page: its controls."""
