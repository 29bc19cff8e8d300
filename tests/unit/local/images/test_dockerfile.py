"""Reading Dockerfiles: lines, words, variables and what RUN asks for."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.images import run
from local.images.dockerfile import BuildError, Instruction, assignments, parse, words

VARIABLES = {"A": "one", "B": "two words", "EMPTY": ""}


def test_continued_lines_comments_and_flags() -> None:
    text = "# syntax=x\n\nfrom  x\nRUN --mount=type=cache,target=/c a \\\n  # why\n\n  && b\nCMD c\n"
    found = [(step.line, step.name, step.flags, step.value) for step in parse(text)]
    assert found == [
        (3, "FROM", (), "x"),
        (4, "RUN", ("--mount=type=cache,target=/c",), "a && b"),
        (8, "CMD", (), "c"),
    ]


def test_another_escape_character_and_here_documents() -> None:
    text = "# escape=`\nFROM x\nRUN a `\n b\nRUN <<EOF\npip install x\nmake\nEOF\nCMD c"
    assert [step.value for step in parse(text)] == ["x", "a b", "pip install x ; make", "c"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$A ${A}b '$A' \"$A $B\"", ["one", "oneb", "$A", "one two words"]),
        ("${NO:-$A-less} ${EMPTY:-x} ${EMPTY-x} ${A:+set} ${NO:+set}.", ["$A-less", "x", "", "set", "."]),
        (r"a\ b \$A $NO.", ["a b", "$A", "."]),
        ("/x/$A/y  z", ["/x/one/y", "z"]),
    ],
)
def test_words_and_variables(text: str, expected: list[str]) -> None:
    assert words(text, VARIABLES) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A=1 B=\"2 3\" C='4 $A' D=x\\ y", {"A": "1", "B": "2 3", "C": "4 $A", "D": "x y"}),
        ("NAME some value", {"NAME": "some value"}),
        ("PATH=/x:$A", {"PATH": "/x:one"}),
        ("URL=a=b?c=d", {"URL": "a=b?c=d"}),
    ],
)
def test_assignments(text: str, expected: dict[str, str]) -> None:
    assert assignments(text, VARIABLES) == expected


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="$"), min_size=1), max_size=5))
def test_quoted_words_come_back(values: list[str]) -> None:
    assert words(" ".join("'" + v.replace("'", "'\"'\"'") + "'" for v in values), {}) == values


@given(st.text())
def test_any_text_is_parsed_or_refused(text: str) -> None:
    with contextlib.suppress(BuildError):
        for step in parse("FROM x\n" + text):
            words(step.value, VARIABLES)
            list(run.steps(step))


def steps(script: str) -> list[run.Step]:
    return list(run.steps(Instruction(1, "RUN", (), script)))


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("pip install -r a.txt", run.Install(requirements=("a.txt",))),
        (
            "pip3 install --requirement=a.txt -c b.txt",
            run.Install(requirements=("a.txt",), constraints=("b.txt",)),
        ),
        ("/opt/v/bin/pip install 'x==1' y", run.Install(packages=("x==1", "y"))),
        ("python3 -m pip install -U --no-cache-dir x", run.Install(("--upgrade",), ("x",))),
        (
            "uv pip install --system --index-url https://i/s x",
            run.Install(("--index-url=https://i/s",), ("x",)),
        ),
        ('["pip", "install", "x"]', run.Install(packages=("x",))),
        ("PIP_X=1 pip install x", run.Install(packages=("x",))),
        ("python3 -m venv /opt/v", run.MakeVenv("/opt/v")),
        ("mkdir -p /a/b", run.MakeDirectory("/a/b")),
        ("chmod 755 /a", run.MakeExecutable("/a")),
        ("pip install -e .", run.NotFollowed("pip install -e .")),
        ("pip install git+https://x --weird", run.NotFollowed("pip install git+https://x --weird")),
        ("pip install x > log", run.NotFollowed("pip install x > log")),
        ("pip install x || true", run.NotFollowed("pip install x || true")),
        ("rm -rf /opt/app", run.NotFollowed("rm -rf /opt/app")),
        ("R -e q", run.NotFollowed("R -e q")),
        ("echo 'unclosed", run.NotFollowed("echo 'unclosed")),
    ],
)
def test_what_run_asks_for(script: str, expected: run.Step) -> None:
    assert steps(script) == [expected]


@pytest.mark.parametrize(
    "script",
    [
        "apt-get update && apt-get install -y python3 python3-pip && rm -rf /var/lib/apt/lists/*",
        "set -eux; apt-get clean; true",
        "python3 -m compileall -q /opt",
        "apt-get install -y --no-install-recommends ca-certificates",
    ],
)
def test_what_has_no_lasting_effect_is_no_step(script: str) -> None:
    assert steps(script) == []


def test_packages_of_this_machine_count_as_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_installed", lambda name: name == "r-base-core")
    assert steps("apt-get install -y r-base-core") == []
    assert steps("apt install r-base-core julia") == [run.NotFollowed("apt install julia")]
