"""A folder as S3 shows it, also while somebody empties it."""

from __future__ import annotations

from bench.folder_lake import Objects, listing


def test_only_files_below_the_prefix_are_listed_with_their_size(tmp_path):
    (tmp_path / "silver/a").mkdir(parents=True)
    (tmp_path / "silver/a/one.parquet").write_bytes(b"123")
    (tmp_path / "silver.txt").write_bytes(b"")

    (page,) = Objects(tmp_path).paginate(Bucket="lake", Prefix="silver/")

    assert [(o["Key"], o["Size"]) for o in page["Contents"]] == [("silver/a/one.parquet", 3)]


def test_what_is_gone_by_the_time_it_is_looked_at_is_not_listed(tmp_path):
    assert listing("silver/gone", tmp_path / "silver/gone") is None
    assert list(Objects(tmp_path).paginate(Bucket="lake", Prefix="silver/gone/")) == [{"Contents": []}]
