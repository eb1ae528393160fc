"""Tests of graph drawings: traceable edges, free labels, order of layers."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.render.graph.canvas import Canvas, Segment
from core.render.graph.drawing import GraphDrawing, draw_graph, labelled_lines
from core.render.graph.layering import Band, Node, depths, layer
from core.render.graph.routing import count_tracks, route

HOSTILE = "\x1b[31mred\u202e\r"


def band(needs: dict[str, list[str]], title: str = "") -> Band:
    nodes = tuple(Node(key=key, width=len(key), needs=tuple(wanted)) for key, wanted in needs.items())
    return Band(title=title, nodes=nodes)


def lines_of(*bands: Band) -> list[str]:
    drawing = draw_graph(bands)
    return labelled_lines(drawing, [band.title for band in bands], {key: key for key in drawing.label_boxes})


def test_a_diamond_parts_and_meets() -> None:
    assert lines_of(band({"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]}))[1:] == [
        "a ─┬─> b ─┬─> d",
        "   └─> c ─┘",
    ]


def test_a_chain_is_one_straight_line() -> None:
    assert lines_of(band({"a": [], "bb": ["a"], "c": ["bb"]}))[1:] == ["a ─> bb ─> c"]


def test_an_edge_over_a_layer_passes_between_its_nodes() -> None:
    assert lines_of(band({"a": [], "b": ["a"], "c": ["a", "b"]}))[1:] == [
        "a ─┬─> b ─┬─> c",
        "   └──────┘",
    ]


def test_lines_that_cross_do_not_touch() -> None:
    canvas = Canvas()
    canvas.draw(1, Segment(0, 1, 2, 1))
    canvas.draw(2, Segment(1, 0, 1, 2))
    assert canvas.lines(3, 3) == (" │ ", "─│─", " │ ")
    canvas.draw(1, Segment(1, 0, 1, 2))
    assert canvas.lines(3, 3)[1] == "─┼─"


def test_bands_stand_side_by_side_with_a_barrier_and_room_for_their_titles() -> None:
    assert lines_of(band({"a": [], "b": []}, "a long title"), band({"c": ["b"], "d": []}, "two")) == [
        "a long title        two",
        "a             ┆ ┌─> c",
        "b ──────────────┘   d",
    ]


def test_a_band_without_nodes_keeps_its_title() -> None:
    assert lines_of(band({}, "empty"), band({"a": []}, "full")) == ["empty   full", "      ┆ a"]
    assert lines_of() == [""]


def test_titles_and_labels_are_cut_to_their_boxes_and_cannot_break_out() -> None:
    drawing = draw_graph([band({"a": [], "b": ["a"]}, "t")])
    shown = labelled_lines(drawing, [HOSTILE], {"a": HOSTILE, "b": HOSTILE})
    assert all(line.isprintable() for line in shown)
    assert all(len(line) <= drawing.width for line in shown)


def test_needs_that_are_nowhere_or_not_earlier_are_left_out() -> None:
    drawing = draw_graph([band({"a": ["ghost", "b"]}), band({"b": []})])
    assert drawing.edges == {}
    assert depths({"a": ["ghost"], "b": ["a"]}) == {"a": 0, "b": 1}


def test_many_to_one_share_a_track_and_what_overlaps_does_not() -> None:
    assert count_tracks(route({0: [2], 1: [2], 2: [2]})) == 1
    assert count_tracks(route({0: [2], 1: [3]})) == 2
    assert count_tracks(route({0: [1], 2: [3]})) == 1
    assert count_tracks(route({4: [4]})) == 0


def test_who_leaves_a_row_turns_off_before_another_arrives_in_it() -> None:
    tracks = {net.sources: net.track for net in route({0: [2], 2: [5]})}
    assert tracks[2,] < tracks[0,]


def test_two_that_change_places_are_drawn_although_one_has_to_go_first() -> None:
    assert count_tracks(route({0: [1], 1: [0]})) == 2


_GRAPHS = st.integers(1, 14).flatmap(
    lambda size: st.tuples(
        *(st.lists(st.integers(0, max(0, at - 1)), max_size=3, unique=True) for at in range(size))
    )
)


def _drawn(edges: tuple[list[int], ...], cut: int) -> tuple[dict[str, list[str]], GraphDrawing]:
    needs = {f"n{at}": [f"n{need}" for need in wanted if need < at] for at, wanted in enumerate(edges)}
    keys = list(needs)
    parts = [{key: needs[key] for key in keys[:cut]}, {key: needs[key] for key in keys[cut:]}]
    return needs, draw_graph([band(part, "x") for part in parts])


@given(_GRAPHS, st.integers(0, 14))
def test_every_edge_runs_from_label_to_arrow_over_drawn_cells(edges: tuple[list[int], ...], cut: int) -> None:
    needs, drawing = _drawn(edges, cut)
    assert set(drawing.edges) == {(need, key) for key, wanted in needs.items() for need in wanted}
    for (need, key), strokes in drawing.edges.items():
        source, target = drawing.label_boxes[need], drawing.label_boxes[key]
        assert (strokes[0].x1, strokes[0].y1) == (source.x + source.width + 1, source.y)
        assert (strokes[-1].x2, strokes[-1].y2) == (target.x - 3, target.y)
        assert drawing.lines[target.y][target.x - 2] == ">"
        walked = [list(stroke.cells()) for stroke in strokes]
        assert all(drawing.lines[y][x] != " " for cells in walked for x, y in cells)
        for one, other in pairwise(walked):
            assert any(abs(x - u) + abs(y - v) <= 1 for x, y in one for u, v in other)


@given(_GRAPHS, st.integers(0, 14))
def test_lines_leave_room_for_labels_and_needs_stand_left(edges: tuple[list[int], ...], cut: int) -> None:
    needs, drawing = _drawn(edges, cut)
    assert set(drawing.label_boxes) == set(needs)
    assert all(len(line) == drawing.width for line in drawing.lines)
    for key, spot in drawing.label_boxes.items():
        room = drawing.lines[spot.y][max(0, spot.x - 1) : spot.x + spot.width + 1]
        assert room.strip() == ""
        assert all(drawing.label_boxes[need].x < spot.x for need in needs[key])


@given(_GRAPHS)
def test_no_two_places_of_a_layer_share_a_row(edges: tuple[list[int], ...]) -> None:
    needs = {f"n{at}": [f"n{need}" for need in wanted if need < at] for at, wanted in enumerate(edges)}
    placed = layer([band(needs)])
    for places in placed.layers:
        rows = [placed.rows[place] for place in places]
        assert rows == sorted(set(rows))
        assert all(0 <= row < placed.height for row in rows)


@pytest.mark.parametrize("count", [60])
def test_a_wide_layer_costs_one_track(count: int) -> None:
    leaves = {f"leaf{number}": ["root"] for number in range(count)}
    drawing = draw_graph([band({"root": [], **leaves, "end": list(leaves)})])
    assert drawing.height == count
    assert drawing.width < 40


@pytest.mark.parametrize(("room", "rows"), [(0, [0, 1, 2]), (4, [0, 1, 2]), (5, [0, 2, 4]), (99, [0, 3, 6])])
def test_rows_stand_apart_where_there_is_room(room: int, rows: list[int]) -> None:
    bands = [band({"a": [], "b": [], "c": [], "d": ["a", "b", "c"]})]
    drawing = draw_graph(bands, room=room)
    assert sorted(drawing.label_boxes[key].y for key in "abc") == rows
    assert drawing.height == len(drawing.lines) == rows[-1] + 1
    assert draw_graph([band({"a": [], "b": ["a"]})], room=99).height == 1
