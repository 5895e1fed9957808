"""Reading events that anybody may have written."""

import pytest

from mesa_core import events as ev


@pytest.mark.parametrize(
    "line",
    ['{"type":"Progress","stage":"mesa","done":"many","total":3,"elapsed":1}', '{"type":"Snapshot","step":1,"file":7}',
     '{"type":"Progress","stage":"mesa","done":1,"total":3,"elapsed":1,"metrics":{"loss":"low"}}', '{"type":"Note","text":null}',
     '{"type":"Mark","name":"a","trigger":"b","pca":[1,"x"],"tsne":[0,0]}', '{"type":"StageDone","stage":"a","seconds":true}'],
)  # fmt: skip
def test_an_event_with_an_odd_field_is_left_out(store, line):
    run = store.create({}, "one")
    run.append(ev.Note("good"))
    (run.path / "events.jsonl").open("a").write('{"n":7,' + line[1:] + "\n")
    assert [event for _, event in run.events()] == [ev.Note("good")]
