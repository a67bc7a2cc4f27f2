"""Rules 2 to 5: what `add` writes, the numbers and generations that it assigns, and names under a retired key."""

from .bench import AUDIENCE, DAY, NOW, Bench, record

OLD, NEW = b"\x01" + b"o" * 16, b"\x02" + b"n" * 16
"""One recipient under the retired key and under the signing key."""


class Adding(Bench):
    """The write that makes links."""

    def test_half_of_a_batch(self) -> None:
        """2: one link id that is there already, and nothing of the whole batch is written."""
        old = self.put()
        before, after = record(subject="customer-8", supersede="on-issue"), record(resource="invoice:1002")
        again = record(link_id=old.link_id, supersede="on-issue")
        newer = record(supersede="on-issue")
        assert not self.add(newer, before, again, after)
        assert [self.store.get(AUDIENCE, each.link_id) for each in (newer, before, after)] == [None] * 3
        assert self.read(old) == old

    def test_link_id_twice_in_a_batch(self) -> None:
        """2: a link id that comes twice in one batch writes nothing."""
        one = record()
        assert not self.add(one, record(link_id=one.link_id, resource="invoice:1002"))
        assert self.store.get(AUDIENCE, one.link_id) is None

    def test_link_id_again(self) -> None:
        """2: a link that is handed in again answers False, and what became of the first stays."""
        one = record(max_uses=1)
        assert self.add(one)
        used = self.consume(one)
        assert used is not None
        assert not self.add(one)
        assert self.read(one) == used

    def test_numbers_rise(self) -> None:
        """3: a link that comes without a number gets one above every other of its series, and above 0."""
        first, second, third = (self.put().number or 0 for _ in range(3))
        assert 0 < first < second < third

    def test_numbers_in_a_batch(self) -> None:
        """3: the links of one batch get numbers in the order in which they came."""
        old, batch = self.put(), [record(), record(resource="invoice:1002"), record()]
        assert self.add(*batch)
        first, _, second = (self.read(each).number or 0 for each in batch)
        assert (old.number or 0) < first < second

    def test_number_beside_a_renewed_link(self) -> None:
        """3: a number is above that of a reissued link too."""
        renewed = self.put_reissue(self.put(), origin="renew")
        assert (self.put().number or 0) > (renewed.number or 0)

    def test_generation_is_assigned(self) -> None:
        """3: a link that comes without a generation gets its subject's."""
        old = self.put()
        assert old.generation == 0
        self.revoke_subject(old)
        assert self.put(resource="invoice:1002").generation == 1
        assert self.put(subject="customer-8").generation == 0

    def test_newest_of_a_series(self) -> None:
        """3: `newest` gives the highest number, whatever the clocks of the issuing machines said."""
        self.put(issued_at=NOW + 20)
        newest = self.put(issued_at=NOW)
        self.put(resource="invoice:1002")
        assert self.store.newest(AUDIENCE, newest.subject, [newest.series]) == (newest, 0)

    def test_newest_of_nothing(self) -> None:
        """3: a series without links has no newest, and an unknown subject generation 0."""
        assert self.store.newest(AUDIENCE, "nobody", [b"s" * 16]) == (None, 0)

    def test_generation_without_a_series(self) -> None:
        """3: `newest` returns the subject's generation where the series is empty too."""
        self.revoke_subject(self.put())
        assert self.store.newest(AUDIENCE, "customer-7", [b"s" * 16]) == (None, 1)

    def test_reissue(self) -> None:
        """4: a reissue whose number and generation still fit is written as it came."""
        reissue = self.make_reissue(self.put())
        assert self.add(reissue)
        assert self.read(reissue) == reissue

    def test_reissue_of_nothing(self) -> None:
        """4: in an empty series a reissue must be number 1."""
        assert not self.add(record(number=2, generation=0, origin="remind"))
        assert self.add(record(number=1, generation=0, origin="remind"))

    def test_reissue_beside_another_series(self) -> None:
        """4: what is issued in another series, of the same subject too, takes no number of this one."""
        parent = self.put()
        late = self.make_reissue(parent)
        self.put(recipient=NEW)
        self.put_reissue(self.put(resource="invoice:1002"))
        assert self.add(late)

    def test_reissue_that_comes_second(self) -> None:
        """4: a reissue whose number is used already writes nothing."""
        parent = self.put()
        late = self.make_reissue(parent, supersede="on-issue")
        self.put_reissue(parent)
        assert not self.add(late)
        assert self.store.get(AUDIENCE, late.link_id) is None
        assert self.read(parent) == parent

    def test_reissue_with_a_gap(self) -> None:
        """4: a reissue that leaves out a number writes nothing."""
        parent = self.put()
        assert not self.add(self.make_reissue(parent, number=(parent.number or 0) + 2))

    def test_reissue_of_another_generation(self) -> None:
        """4: a reissue that was read before a revocation, or from nowhere, writes nothing."""
        parent = self.put()
        late = self.make_reissue(parent)
        assert not self.add(self.make_reissue(parent, generation=1))
        self.revoke_subject(parent)
        assert not self.add(late)
        assert self.add(self.make_reissue(parent, generation=1))

    def test_late_reissue_in_a_batch(self) -> None:
        """4: a reissue that doesn't fit takes its whole batch with it."""
        old = self.put()
        late = self.make_reissue(old, number=old.number)
        other = record(subject="customer-8")
        assert not self.add(other, late)
        assert self.store.get(AUDIENCE, other.link_id) is None

    def test_renamed_series(self) -> None:
        """5: a series under a retired key goes by its new name, its numbers go on, and the old name is empty."""
        old = self.put(series=b"o" * 16)
        new = record(series=b"n" * 16)
        assert self.add(new, renamed={old.series: new.series})
        assert self.read(old).series == new.series
        assert (self.read(new).number or 0) > (old.number or 0)
        assert self.store.newest(AUDIENCE, old.subject, [old.series]) == (None, 0)

    def test_renamed_series_of_a_reissue(self) -> None:
        """5: renaming comes first: a reissue fits the numbers that its series has under the old name."""
        old = self.put(series=b"o" * 16)
        new = self.make_reissue(old, series=b"n" * 16, supersede="on-issue")
        assert self.add(new, renamed={old.series: new.series})
        assert self.read(old).superseded_at == NOW

    def test_newest_under_every_key(self) -> None:
        """5: `newest` looks under every name that it is given, for the highest number of all."""
        old = [self.put(series=b"o" * 16), self.put(series=b"o" * 16)][-1]
        new = record(series=b"n" * 16, origin="remind", number=1, generation=0)
        assert self.add(new)
        for names in ([new.series, old.series], [old.series, new.series]):
            assert self.store.newest(AUDIENCE, old.subject, names) == (old, 0)

    def test_renamed_recipient(self) -> None:
        """5: a recipient's old name is renamed in every link that carries it: of any subject, in any state."""
        used, revoked = self.put(recipient=OLD), self.put(recipient=OLD, subject="customer-8")
        past = self.put(recipient=OLD, expires_at=NOW - DAY)
        self.consume(used)
        self.revoke(revoked)
        assert self.add(record(recipient=NEW), renamed={OLD: NEW})
        assert [self.read(each).recipient for each in (used, revoked, past)] == [NEW] * 3
        assert len(self.find(recipients=(NEW,))) == 4
        assert self.find(recipients=(OLD,)) == []

    def test_renaming_for_an_unknown_subject(self) -> None:
        """5: P09: links stay, under their new names, where the link that renames them is the first of its subject."""
        old = self.put(recipient=OLD, series=b"o" * 16)
        new = record(recipient=NEW, subject="customer-8")
        assert self.add(new, renamed={OLD: NEW, old.series: b"n" * 16, b"s" * 16: b"t" * 16})
        kept = old._replace(recipient=NEW, series=b"n" * 16)
        assert self.read(old) == kept
        assert self.store.newest(AUDIENCE, old.subject, [kept.series]) == (kept, 0)
        assert self.find(subject=old.subject) == [kept]
        assert {each.link_id for each in self.find(recipients=(NEW,))} == {old.link_id, new.link_id}
        assert self.consume(old) is not None

    def test_renaming_of_nothing(self) -> None:
        """5: P09: names that no link has are no trouble, and no reason to write nothing."""
        assert self.add(record(), renamed={OLD: NEW, b"o" * 16: b"n" * 16})
        assert self.store.newest(AUDIENCE, "customer-7", [b"n" * 16]) == (None, 0)

    def test_renaming_changes_names_only(self) -> None:
        """5: renaming leaves all else of a link as it was, and other names alone."""
        old = self.put(recipient=OLD)
        used, other = self.consume(old), self.put(recipient=None)
        assert used is not None
        assert self.add(record(recipient=NEW), renamed={old.series: b"n" * 16, OLD: NEW})
        assert self.read(old) == used._replace(series=b"n" * 16, recipient=NEW)
        assert self.read(other) == other

    def test_refused_batch_renames_nothing(self) -> None:
        """5: renaming is in the same transaction: where nothing is written, nothing is renamed."""
        old = self.put(recipient=OLD)
        assert not self.add(record(link_id=old.link_id), renamed={old.series: b"n" * 16, OLD: NEW})
        assert self.read(old) == old
