"""A log that was written before it was a tree becomes one, record by record."""

from datetime import UTC, datetime

from alembic import command
from alembic.config import Config
from sqlalchemy import text

from gateway.audit import merkle
from gateway.audit.merkle import Frontier
from gateway.store import open_store
from gateway.store.migrate import MIGRATIONS, migrate

BODY = '{{"at":"2026-11-23T12:00:00.{:03}+00:00","data":{{}},"kind":"x","seq":{},"v":1}}'


def test_older_records_are_hashed_into_their_sites_tree(empty_database_url: str):
    store = open_store(empty_database_url)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    with store.engine.begin() as link:
        config.attributes["connection"] = link
        command.upgrade(config, "0003_staff_console")
        for site, many in (("hotel", 1203), ("court", 0)):
            named = {"site": site, "at": "2026-11-23 12:00:00", "size": many}
            link.execute(text("INSERT INTO site VALUES (:site, '', '', :at)"), named)
            link.execute(text("INSERT INTO log_head VALUES (:site, :size)"), named)
            for seq in range(many):
                row = {"site": site, "seq": seq, "body": BODY.format(seq % 1000, seq)}
                link.execute(text("INSERT INTO record VALUES (:site, :seq, 'x', :body)"), row)
    migrate(store)
    with store.engine.begin() as link:
        asked = "SELECT body, hashes FROM record WHERE site_id = 'hotel' ORDER BY seq"
        frontier = Frontier()
        for body, hashes in link.execute(text(asked)):
            assert bytes(hashes) == b"".join(frontier.add(merkle.leaf_hash(body.encode())))
        assert frontier.size == 1203
        heads = link.execute(
            text("SELECT site_id, at, origin, key_id FROM log_head ORDER BY site_id")
        ).all()
    assert [(h.site_id, h.key_id) for h in heads] == [("court", ""), ("hotel", "")]
    assert heads[0].at is None
    last = datetime.fromisoformat(str(heads[1].at))
    assert last.replace(tzinfo=last.tzinfo or UTC) == datetime(2026, 11, 23, 12, 0, 0, 202000, UTC)
    assert all(h.origin.startswith(f"eitherway/{h.site_id}-") for h in heads)
    store.close()
