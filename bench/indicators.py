#!/usr/bin/env python3
"""Writes COUNT indicators as CSV: the kinds that feeds have, nearly all of them seen nowhere, and some that the generated logs hold.

    bench/indicators.py COUNT SEED > feed.csv
"""
import random
import sys

count, seed = int(sys.argv[1]), int(sys.argv[2])
draw = random.Random(seed)

WORDS = ["mail", "cdn", "update", "login", "static", "api", "img", "files", "portal", "cloud", "sync", "news"]
TOPS = ["com", "net", "org", "info", "ru", "cn", "top", "xyz", "be", "example"]
# What the generated logs hold, so that finding rows is measured too.
PLANTED = [
    ("domain", "intranet.min.example"),
    ("path", r"C:\ops\monitor\check.ps1"),
    ("filename", "inventory.ps1"),
    ("path", r"C:\Windows\System32\inetcpl.cpl"),
]


def word(length):
    return "".join(draw.choice("abcdefghijklmnopqrstuvwxyz0123456789") for _ in range(length))


def address():
    # Public by its first byte.
    return f"{draw.randint(11, 99)}.{draw.randint(0, 255)}.{draw.randint(0, 255)}.{draw.randint(1, 254)}"


def domain():
    return f"{draw.choice(WORDS)}-{word(draw.randint(5, 10))}.{draw.choice(TOPS)}"


def hexes(length):
    return f"{draw.getrandbits(length * 4):0{length}x}"


def one(kind):
    if kind == "ip":
        return address()
    if kind == "domain":
        return domain().replace(".", "[.]") if draw.random() < 0.2 else domain()
    if kind == "url":
        return f"hxxp://{domain()}/{word(6)}.php?id={word(4)}"
    if kind in ("md5", "sha1", "sha256"):
        return hexes({"md5": 32, "sha1": 40, "sha256": 64}[kind])
    if kind == "path":
        return rf"C:\Users\Public\{word(8)}\{word(6)}.exe"
    if kind == "filename":
        return f"{word(10)}.dll"
    if kind == "email":
        return f"{word(7)}@{domain()}"
    if kind == "cidr":
        return f"{draw.randint(11, 99)}.{draw.randint(0, 255)}.{draw.randint(0, 255)}.0/24"
    if kind == "user-agent":
        return f"Mozilla/5.0 ({word(9)}; rv:{draw.randint(1, 99)}.0) {word(5)}/{draw.randint(1, 9)}.0"
    return f"Global\\{word(12)}"


MIX = [("ip", 30), ("domain", 30), ("url", 12), ("sha256", 12), ("md5", 5), ("sha1", 3), ("path", 3), ("filename", 1),
       ("email", 2), ("cidr", 1), ("user-agent", 0.5), ("mutex", 0.5)]
kinds, weights = zip(*MIX)
out = sys.stdout
out.write("indicator,type,tlp,valid_from,description\n")
for kind, value in PLANTED[:count]:
    out.write(f"{value},{kind},TLP:GREEN,2023-01-01,planted\n")
for kind in draw.choices(kinds, weights, k=max(0, count - len(PLANTED))):
    out.write(f'"{one(kind)}",{kind},TLP:AMBER,2023-01-01,feed\n')
