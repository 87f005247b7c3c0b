#!/usr/bin/env python3
"""Checks the pages: docs_test.py ROOT. Every relative link leads to a file and, where it names one, to a heading there; every
path of ours that a page writes in backticks exists; README keeps to its length. Prints each finding as page:line: message."""
import os
import re
import sys

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
PATH = re.compile(r"`((?:sim|tools|tests|docs|platforms|workloads|scenarios)/[A-Za-z0-9_./+-]*)`")
MOST_WORDS = 900  # of README, blocks of commands and output apart
# Pages that tell of the past, where a path may have gone.
HISTORY = ("CHANGELOG.md", os.path.join("docs", "decisions"))


def pages(root):
    found = [name for name in os.listdir(root) if name.endswith(".md")]
    for folder, _, names in os.walk(os.path.join(root, "docs")):
        found += [os.path.relpath(os.path.join(folder, name), root) for name in names if name.endswith(".md")]
    return sorted(found)


def without_blocks(text):
    """Returns the text with fenced blocks emptied, so that line numbers stay."""
    return re.sub(r"^```.*?^```", lambda match: "\n" * match[0].count("\n"), text, flags=re.S | re.M)


def anchors(text):
    """Returns what links may name: headings as GitHub spells them, and <a name="...">."""
    names = set(re.findall(r'<a name="([^"]+)">', text))
    for heading in re.findall(r"^#+ (.*)$", without_blocks(text), re.M):
        heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
        names.add(re.sub(r"[^\w\- ]", "", heading).replace(" ", "-"))
    return names


def check_link(root, page, target):
    if re.match(r"[a-z]+:", target):
        return None
    path, _, anchor = target.partition("#")
    file = os.path.normpath(os.path.join(root, os.path.dirname(page), path)) if path else os.path.join(root, page)
    if not os.path.exists(file):
        return f"links to {target}, which is not there"
    if anchor and file.endswith(".md"):
        with open(file, encoding="utf-8") as opened:
            if anchor not in anchors(opened.read()):
                return f"links to {target}, but there is no such heading"
    return None


def check_page(root, page):
    with open(os.path.join(root, page), encoding="utf-8") as file:
        text = without_blocks(file.read())
    findings = []
    for number, line in enumerate(text.split("\n"), 1):
        messages = [check_link(root, page, target) for target in LINK.findall(line)]
        if not page.startswith(HISTORY):
            messages += [f"names {path}, which is not there" for path in PATH.findall(line)
                         if not re.search(r"[A-Z]{4}|/[xy]\b", path) and not os.path.exists(os.path.join(root, path))
                         and not any(os.path.exists(os.path.join(root, path) + end) for end in (".cpp", ".hpp"))]
        findings += [f"{page}:{number}: {message}" for message in messages if message]
    words = len(re.sub(r"<!--.*?-->", "", text, flags=re.S).split())
    if page == "README.md" and words > MOST_WORDS:
        findings.append(f"README.md:1: has {words} words; {MOST_WORDS} are enough")
    return findings


def main():
    root = sys.argv[1]
    found = pages(root)
    findings = [finding for page in found for finding in check_page(root, page)]
    assert len(found) > 20, f"only {len(found)} pages below {root}"
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
