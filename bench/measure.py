#!/usr/bin/env python3
"""Measures how a Rust tree is written, by its syntax trees: a table to hold beside earlier ones and beside other projects.

In: folders. Out: one column a folder. Only tracked sources that are no tests are counted: no `tests/`, `benches/`, `examples/`,
no `tests*.rs`, and no item under `#[cfg(test)]`. Needs: pip install tree-sitter tree-sitter-rust

    bench/measure.py .                      # this project
    bench/measure.py . ../ripgrep --list    # beside another, with the places of what is counted against it
"""
import argparse, collections, pathlib, re, subprocess, sys

try:
    import tree_sitter, tree_sitter_rust
except ImportError:
    sys.exit("error: tree-sitter is not installed\n  effect: nothing was measured\n  next: pip install tree-sitter tree-sitter-rust")

PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_rust.language()))
FUNCTION_LINES = (70, 100)
TYPES = {"struct_item", "enum_item", "trait_item", "type_item", "union_item"}
ITEMS = TYPES | {"function_item", "function_signature_item", "const_item", "static_item", "mod_item", "macro_definition"}
PANICS = re.compile(r"\.(unwrap|expect)\(|\b(panic|unreachable|todo|unimplemented)!")


def tracked(folder):
    listed = subprocess.run(["git", "-C", folder, "ls-files", "*.rs"], capture_output=True, text=True)
    names = listed.stdout.split("\n") if listed.returncode == 0 else []
    paths = [pathlib.Path(folder, name) for name in names if name] or sorted(pathlib.Path(folder).rglob("*.rs"))
    aside = {"tests", "benches", "examples", "target", "fuzz"}
    for path in paths:
        inside = path.relative_to(folder)
        if not aside & set(inside.parts[:-1]) and not re.match(r"tests?(_|\.rs$)|.*_tests?\.rs$", inside.name) and path.is_file():
            yield inside, path.read_bytes()


class Measured:
    def __init__(self):
        self.files = self.files_opened = self.lines = self.functions = self.tuples = self.closures = 0
        self.items = self.documented = self.panics = self.comments = self.one_word = self.examples = 0
        self.long = collections.Counter()
        self.types = collections.defaultdict(list)
        self.places = []

    def note(self, what, path, node):
        self.places.append(f"{what}\t{path}:{node.start_point[0] + 1}")


def is_test(node):
    """Whether attributes before an item keep it out of the program."""
    before = node.prev_named_sibling
    while before is not None and before.type in ("attribute_item", "line_comment", "block_comment"):
        if before.type == "attribute_item" and re.search(rb"cfg\((all\()?test|^#\[test\]", before.text):
            return True
        before = before.prev_named_sibling
    return False


def is_documented(node):
    before = node.prev_named_sibling
    while before is not None and before.type == "attribute_item":
        before = before.prev_named_sibling
    return before is not None and before.type.endswith("comment") and before.text.startswith((b"///", b"/**"))


def is_public(node):
    return any(child.type == "visibility_modifier" and child.text == b"pub" for child in node.children)


def of_function(node, path, inside, found):
    found.functions += 1
    lines = node.end_point[0] - node.start_point[0] + 1
    for most in FUNCTION_LINES:
        if lines > most:
            found.long[most] += 1
            found.note(f"function of {lines} lines", path, node)
            break
    found.long[FUNCTION_LINES[0]] += lines > FUNCTION_LINES[1]
    name = node.child_by_field_name("name").text.decode()
    found.one_word += "_" not in name.strip("_")
    parameters = node.child_by_field_name("parameters")
    types = [child.child_by_field_name("type") for child in parameters.named_children if child.type == "parameter"]
    if any(kind is not None and is_tuple(kind) for kind in types):
        found.tuples += 1
        found.note("tuple as parameter", path, node)


def is_tuple(kind):
    while kind.type == "reference_type":
        kind = kind.child_by_field_name("type")
    return kind.type == "tuple_type"


def walk(node, path, in_function, found):
    if is_test(node):
        return
    kind = node.type
    if kind == "function_item":
        of_function(node, path, in_function, found)
    if kind == "closure_expression":
        found.closures += 1
    if in_function and kind == "line_comment" and not node.text.startswith((b"///", b"//!")):
        found.comments += 1
    if kind in TYPES and (node.parent.type in ("source_file", "declaration_list")):
        found.types[(crate_of(path), node.child_by_field_name("name").text.decode())].append(path)
    if kind in ITEMS and is_public(node):
        found.items += 1
        if is_documented(node) or (kind == "mod_item" and node.child_by_field_name("body") is None):
            found.documented += 1
        else:
            found.note("undocumented", path, node)
    for child in node.named_children:
        walk(child, path, in_function or kind == "function_item", found)


def crate_of(path):
    parts = path.parts
    return "/".join(parts[: parts.index("src")]) if "src" in parts else str(path.parent)


def measure(folder):
    found = Measured()
    for path, text in tracked(folder):
        tree = PARSER.parse(text)
        found.files += 1
        found.files_opened += text.lstrip().startswith(b"//!")
        found.lines += text.count(b"\n")
        program = re.split(rb"#\[cfg\(test\)\]\s*mod \w+ \{", text)[0].decode(errors="replace")
        code = "\n".join(line for line in program.split("\n") if not line.lstrip().startswith("//"))
        found.panics += len(PANICS.findall(code))
        found.examples += len(re.findall(r"^\s*//[/!] ```(?:rust|no_run|should_panic)?\s*$", program, re.M)) // 2
        walk(tree.root_node, path, False, found)
    return found


def rows(found):
    of = lambda part, whole, scale=100: f"{part * scale / whole:.2f}" if whole else "-"
    several = sum(len(places) for places in found.types.values() if len(places) > 1)
    types = sum(len(places) for places in found.types.values())
    names = collections.defaultdict(int)
    for (_, name), places in found.types.items():
        names[name] += len(places)
    anywhere = sum(count for count in names.values() if count > 1)
    return {
        "lines": str(found.lines),
        "functions > 70 lines, %": of(found.long[FUNCTION_LINES[0]], found.functions),
        "functions > 100 lines, %": of(found.long[FUNCTION_LINES[1]], found.functions),
        "files opening with //!, %": of(found.files_opened, found.files),
        "pub items documented, %": of(found.documented, found.items),
        "unwrap, expect, panic per 1,000 lines": of(found.panics, found.lines, 1000),
        "comment lines inside functions per 1,000": of(found.comments, found.lines, 1000),
        "function names of one word, %": of(found.one_word, found.functions),
        "types that share their name with another, %": of(anywhere, types),
        "the same, within one crate, %": of(several, types),
        "functions with a tuple as parameter, %": of(found.tuples, found.functions),
        "closures per 1,000 lines": of(found.closures, found.lines, 1000),
        "code examples in docs": str(found.examples),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--list", action="store_true", help="the places of what is counted against a tree, too")
    arguments = parser.parse_args()
    measured = {folder: measure(folder) for folder in arguments.folders}
    columns = {folder: rows(found) for folder, found in measured.items()}
    first = next(iter(columns.values()))
    print("| | " + " | ".join(columns) + " |\n|---|" + "---|" * len(columns))
    for name in first:
        print(f"| {name} | " + " | ".join(column[name] for column in columns.values()) + " |")
    if arguments.list:
        for found in measured.values():
            print("\n".join(found.places))
            shared = [f"type {name} of {crate}\t{', '.join(map(str, places))}" for (crate, name), places in sorted(found.types.items()) if len(places) > 1]
            print("\n".join(shared))


if __name__ == "__main__":
    main()
