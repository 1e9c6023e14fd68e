#!/usr/bin/env python3
"""Renders the templates of tests/golden/chat_templates.json with transformers and writes the results into it.

    make_chat_goldens.py tests/golden/chat_templates.json

A new case is {"template": "..."} at the end of the list. Each gets its `text`, or `refused`: what Python raises.
Needs transformers and jinja2.
"""

import json
import sys

from transformers.utils.chat_template_utils import render_jinja_template


def rendered(template, golden):
    try:
        texts, _ = render_jinja_template([golden["messages"]], chat_template=template, **golden["variables"])
        return {"template": template, "text": texts[0]}
    except Exception as error:  # whatever Python raises counts as a refusal
        return {"template": template, "refused": type(error).__name__}


def main():
    with open(sys.argv[1]) as file:
        golden = json.load(file)
    golden["cases"] = [rendered(case["template"], golden) for case in golden["cases"]]
    with open(sys.argv[1], "w") as file:
        file.write(json.dumps(golden, indent=1, ensure_ascii=False) + "\n")
    print(len(golden["cases"]), "cases,", sum("refused" in case for case in golden["cases"]), "refused")


if __name__ == "__main__":
    main()
