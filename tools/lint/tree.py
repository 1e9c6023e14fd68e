"""The project's own files, for the lints: what is in the tree, without build folders and files that git ignores."""
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SKIPPED = {"build", ".git", ".cache", "__pycache__"}


def files(*suffixes, under=""):
    """Paths relative to the root, sorted; of these suffixes only, when any are given."""
    found = []
    stack = [ROOT / under]
    while stack:
        for entry in stack.pop().iterdir():
            if entry.name in SKIPPED or entry.is_symlink():
                continue
            if entry.is_dir():
                stack.append(entry)
            elif not suffixes or entry.suffix in suffixes:
                found.append(entry.relative_to(ROOT))
    return sorted(found)


def read(path):
    """The text of a file; None for binary ones."""
    try:
        return (ROOT / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def finish(name, problems, checked):
    """Prints the problems and ends the script: status 1 if there are any."""
    for problem in problems:
        print(f"{name}: {problem}")
    if not problems:
        print(f"{name}: {checked} files are well")
    sys.exit(1 if problems else 0)
