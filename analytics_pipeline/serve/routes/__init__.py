"""The routes, one subject a file; each has `router(service)`.

Belongs here: what a request asks for, and which document answers it. Does not belong here:
computing that document (`serve.views`, `serve.totals`).
"""
