"""What holds for every test."""

import signal

import structlog

# As the server logs; by itself structlog draws every variable of every frame, which takes seconds for a large list.
structlog.configure(
    processors=[
        structlog.stdlib.add_log_level,
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell without job control starts what it puts in the background deaf to Ctrl-C, and so would be what tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
