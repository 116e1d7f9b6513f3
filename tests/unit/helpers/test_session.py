"""A conversation with a pretended node: many questions, one process, and every way it can end."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from fjordkube.helpers import session
from fjordkube.helpers.errors import HelperError
from fjordkube.helpers.session import Session, Sessions, Unanswered
from fjordkube.helpers.ssh import Access

ECHO = """
echo "$BASHPID" >>{pids}
while read -r question; do
  case $question in
    hang) exec sleep 5 ;;
    cut) kill -9 $$ ;;
    lost) echo "Connection closed by remote host" >&2; exit 255 ;;
    fail) echo "the disk is full" >&2; exit 3 ;;
    done) exit 0 ;;
    *) printf '%s\\n%s\\n' "you said" "$question" ;;
  esac
  printf '\\nfjordkube:end\\n'
done
"""


@pytest.fixture
def talk(tmp_path: Path) -> Session:
    return Session("w1", ["bash", "-s"], ECHO.format(pids=tmp_path / "pids"))


def connections(folder: Path) -> int:
    return len((folder / "pids").read_text().splitlines())


def test_many_questions_cost_one_connection(talk: Session, tmp_path: Path) -> None:
    assert [talk.ask(word, 10) for word in ("one", "two")] == ["you said\none", "you said\ntwo"]
    talk.close()
    assert connections(tmp_path) == 1


def test_what_a_login_shell_prints_is_no_answer(tmp_path: Path) -> None:
    noisy = ["bash", "-c", "echo Welcome; echo 'your quota=7'; printf 'fjordkube:end\\n'; exec bash -s"]
    talk = Session("w1", noisy, ECHO.format(pids=tmp_path / "pids"))
    assert [talk.ask(word, 10) for word in ("one", "two")] == ["you said\none", "you said\ntwo"]
    talk.close()


def test_it_is_not_opened_before_it_is_asked(talk: Session, tmp_path: Path) -> None:
    talk.close()
    assert not (tmp_path / "pids").exists()


def test_no_answer_in_time_ends_the_connection_and_the_next_question_opens_another(
    talk: Session, tmp_path: Path
) -> None:
    with pytest.raises(Unanswered, match="no answer within 0 s"):
        talk.ask("hang", 0.3)
    assert talk.ask("one", 10) == "you said\none"
    assert connections(tmp_path) == 2


@pytest.mark.parametrize(
    ("question", "words"),
    [("lost", r"no SSH connection \(Connection closed by remote host\)"), ("cut", "no SSH connection")],
)
def test_a_lost_connection_is_told_in_sshs_words_and_made_again(talk: Session, question: str, words: str) -> None:
    with pytest.raises(Unanswered, match=words):
        talk.ask(question, 10)
    assert talk.ask("one", 10) == "you said\none"


def test_a_script_that_ended_because_nobody_asked_is_started_again(talk: Session) -> None:
    with pytest.raises(Unanswered):
        talk.ask("done", 10)
    assert talk.ask("one", 10) == "you said\none"


def test_a_failed_script_is_no_matter_of_waiting(talk: Session) -> None:
    with pytest.raises(HelperError, match="w1: the script on the node failed: the disk is full"):
        talk.ask("fail", 10)


def test_nodes_are_asked_together_and_one_that_is_silent_hides_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes = [Access(name, "127.0.0.1", "22", "root", "KEY", "ssh-ed25519 AAAA") for name in ("w1", "w2", "w3")]
    monkeypatch.setattr(Access, "command", lambda *_: ["bash", "-s"])
    with Sessions(nodes, tmp_path, ECHO.format(pids=tmp_path / "pids")) as talks:
        answers, silent = talks.ask({"w1": "one", "w2": "lost"}, 10)
        assert answers == {"w1": "you said\none"}
        assert list(silent) == ["w2"]
        start = time.monotonic()
        assert talks.ask({"w1": "hang", "w3": "hang"}, 0.5)[1].keys() == {"w1", "w3"}
        assert time.monotonic() - start < 4
    assert connections(tmp_path) == 3


def test_connections_are_opened_before_they_are_needed_and_nobody_waits_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes = [Access(name, "127.0.0.1", "22", "root", "KEY", "ssh-ed25519 AAAA") for name in ("w1", "w2")]
    slow = ["bash", "-c", "sleep 1; exec bash -s"]
    monkeypatch.setattr(Access, "command", lambda *_: slow)
    with Sessions(nodes, tmp_path, ECHO.format(pids=tmp_path / "pids")) as talks:
        begun = time.monotonic()
        for _ in range(3):
            talks.greet(10)
        assert time.monotonic() - begun < 0.5
        time.sleep(2)
        begun = time.monotonic()
        assert talks.ask({"w1": "one", "w2": "two"}, 10)[0] == {"w1": "you said\none", "w2": "you said\ntwo"}
        assert time.monotonic() - begun < 0.5
    assert connections(tmp_path) == 2


def test_a_question_meets_no_greeting_that_is_still_on_its_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Access, "command", lambda *_: ["bash", "-c", "sleep 0.5; exec bash -s"])
    node = Access("w1", "127.0.0.1", "22", "root", "KEY", "ssh-ed25519 AAAA")
    with Sessions([node], tmp_path, ECHO.format(pids=tmp_path / "pids")) as talks:
        talks.greet(10)
        assert talks.ask({"w1": "one"}, 10)[0] == {"w1": "you said\none"}
    assert connections(tmp_path) == 1


def test_an_interrupted_gate_leaves_nobody_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Access, "command", lambda *_: ["bash", "-s"])
    node = Access("w1", "127.0.0.1", "22", "root", "KEY", "ssh-ed25519 AAAA")
    start = time.monotonic()

    def interrupted() -> None:
        with Sessions([node], tmp_path, ECHO.format(pids=tmp_path / "pids")) as talks:
            talks._pool.submit(talks._sessions["w1"].ask, "hang", 60)
            while not (tmp_path / "pids").exists():
                time.sleep(0.05)
            raise SystemExit(143)

    with pytest.raises(SystemExit):
        interrupted()
    assert time.monotonic() - start < 4


def test_the_end_mark_is_the_scripts() -> None:
    from fjordkube.shell import script

    assert f"printf '\\n{session.END}\\n'" in script("questions")
