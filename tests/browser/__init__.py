"""The browser side in a real browser: pages of another origin than the server, as on a real shop."""
