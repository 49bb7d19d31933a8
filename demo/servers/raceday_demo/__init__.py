"""The demo racecourse's own servers: a wagering engine, a ticketing service, a kiosk gateway.

They run on the demo hosts with Debian 12's Python 3.11, aiohttp, asyncpg and redis.
"""
