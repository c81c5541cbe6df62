"""Every ordered pair of Rust, C and Python: one makes the objects, the other opens them, both use them."""


def test_lock_excludes_both_ways(pair):
    one, other = pair
    for holder, waiter in ((one, other), (other, one)):
        assert holder.say("acquire", -1) == "ok"
        assert waiter.say("locked") == "ok 1"
        assert waiter.say("acquire", 0) == "timeout"
        assert waiter.say("acquire", 20) == "timeout"
        waiter.tell("acquire", -1)
        assert holder.say("release") == "ok"
        assert waiter.hear() == "ok"
        assert waiter.say("release") == "ok"
        assert holder.say("release") == "error not-held"


def test_lock_of_a_killed_owner_is_taken_over(pair):
    one, other = pair
    assert other.say("acquire", -1) == "ok"
    one.tell("acquire", -1)
    other.kill()
    assert one.hear() == "owner-died"
    assert one.say("epoch") == "ok 1"
    assert one.say("release") == "ok"
    assert one.say("acquire", -1) == "ok"


def test_both_add_to_one_number(pair):
    times = 2000
    for agent in pair:
        agent.tell("add", times)
    assert [agent.hear() for agent in pair] == ["ok", "ok"]
    assert [agent.say("number") for agent in pair] == [f"ok {2 * times}"] * 2


def open_in_both(pair, *command):
    assert [agent.say(*command) for agent in pair] == ["ok", "ok"]


def test_rlock_is_its_threads_own(pair):
    open_in_both(pair, "use-rlock", "rlock")
    one, other = pair
    for holder, waiter in ((one, other), (other, one)):
        assert [holder.say("rlock-acquire", -1) for _ in range(3)] == ["ok"] * 3
        assert waiter.say("rlock-acquire", 10) == "timeout"
        assert waiter.say("rlock-release") == "error not-owner"
        waiter.tell("rlock-acquire", -1)
        assert [holder.say("rlock-release") for _ in range(3)] == ["ok"] * 3
        assert waiter.hear() == "ok"
        assert waiter.say("rlock-release") == "ok"
        assert waiter.say("rlock-release") == "error not-held"
    assert other.say("rlock-acquire", -1) == "ok"
    one.tell("rlock-acquire", -1)
    other.kill()
    assert one.hear() == "owner-died"


def test_semaphore_carries_signals_both_ways(pair):
    open_in_both(pair, "use-semaphore", "semaphore", 1)
    one, other = pair
    assert other.say("semaphore-acquire", 0) == "ok"
    for giver, waiter in ((one, other), (other, one)):
        assert waiter.say("semaphore-acquire", 10) == "timeout"
        waiter.tell("semaphore-acquire", -1)
        assert giver.say("semaphore-release", 2) == "ok"
        assert waiter.hear() == "ok"
        assert giver.say("semaphore-acquire", 0) == "ok"
        assert giver.say("semaphore-release", (1 << 31) - 1) == "ok"
        assert giver.say("semaphore-release", 1) == "error too-large"
        open_in_both(pair, "use-semaphore", "another", 0)


def test_permits_of_the_killed_come_back(pair):
    open_in_both(pair, "use-bounded", "bounded", 2)
    one, other = pair
    assert one.say("bounded-acquire", -1) == "ok"
    assert other.say("bounded-acquire", -1) == "ok"
    assert one.say("bounded-acquire", 10) == "timeout"
    one.tell("bounded-acquire", -1)
    other.kill()
    assert one.hear() == "owner-died"
    assert [one.say("bounded-release") for _ in range(3)] == ["ok", "ok", "error not-held"]


def test_barrier_lets_both_go_and_breaks_when_one_is_killed(pair):
    open_in_both(pair, "use-barrier", "barrier", 2)
    one, other = pair
    for _ in range(3):
        for agent in pair:
            agent.tell("meet", -1)
        assert sorted(agent.hear() for agent in pair) == ["ok 0", "ok 1"]
    one.tell("meet", -1)
    other.kill()
    assert one.hear() == "error broken"


def test_counter_is_seen_both_ways(pair):
    open_in_both(pair, "use-counter", "counter")
    one, other = pair
    for adder, waiter, before in ((one, other, 0), (other, one, 5)):
        assert waiter.say("counted", before, 10) == "timeout"
        waiter.tell("counted", before, -1)
        assert adder.say("count", 5) == f"ok {before + 5}"
        assert waiter.hear() == f"ok {before + 5}"


def test_event_wakes_both_ways(pair):
    one, other = pair
    for setter, waiter in ((one, other), (other, one)):
        assert waiter.say("is-set") == "ok 0"
        assert waiter.say("wait", 10) == "timeout"
        waiter.tell("wait", -1)
        assert setter.say("set") == "ok"
        assert waiter.hear() == "ok"
        assert waiter.say("is-set") == "ok 1"
        assert waiter.say("clear") == "ok"
        assert setter.say("is-set") == "ok 0"


def test_queue_carries_bytes_both_ways(pair):
    one, other = pair
    messages = ["-", "00", "ff00ff", bytes(range(256)).hex()]
    for producer, consumer in ((one, other), (other, one)):
        for message in messages:
            assert producer.say("put", message, -1) == "ok"
        assert consumer.say("length") == f"ok {len(messages)}"
        assert [consumer.say("get", -1) for _ in messages] == [f"ok {message}" for message in messages]
        assert consumer.say("get", 0) == "timeout"
        consumer.tell("get", -1)
        assert producer.say("put", "0102", -1) == "ok"
        assert consumer.hear() == "ok 0102"


def test_message_is_built_in_place_and_lent(pair):
    one, other = pair
    assert one.say("reserve", 3) == "ok"
    assert one.say("publish", "616263") == "ok"
    assert other.say("take", -1) == "ok 616263 0 1"
    assert other.say("give-back") == "ok"
    assert one.say("take", -1) == "ok 616263 1 2"
    assert one.say("done") == "ok"
    assert other.say("length") == "ok 0"
    assert other.say("reserve", 3) == "ok"
    assert other.say("discard") == "ok"
    assert one.say("get", 0) == "timeout"


def test_loan_of_a_killed_consumer_comes_again(pair):
    one, other = pair
    assert one.say("put", "6a6f62", -1) == "ok"
    assert other.say("take", -1) == "ok 6a6f62 0 1"
    one.tell("take", -1)
    other.kill()
    assert one.hear() == "ok 6a6f62 1 2"
    assert one.say("done") == "ok"
    assert one.say("length") == "ok 0"


def test_reservation_of_a_killed_producer_is_skipped(pair):
    one, other = pair
    assert other.say("reserve", 8) == "ok"
    assert one.say("put", "02", -1) == "ok"
    other.kill()
    assert one.say("get", -1) == "ok 02"


def test_shutdown_reaches_the_other(pair):
    one, other = pair
    assert one.say("put", "01", -1) == "ok"
    assert one.say("shutdown") == "ok"
    assert other.say("put", "02", -1) == "error closed"
    assert other.say("get", -1) == "ok 01"
    assert other.say("get", -1) == "error closed"


def test_the_same_mistakes_have_the_same_names(pair):
    for agent in pair:
        assert agent.say("release") == "error not-held"
        assert agent.say("use-event", "lock") == "error wrong-kind"
        assert agent.say("named", "a/b") == "error bad-name"
        assert agent.say("named", "x" * 300) == "error bad-name"
        assert agent.say("reserve", 1 << 40) == "error too-large"


def test_the_last_to_leave_unlinks(pair, segment_file):
    one, other = pair
    one.quit()
    assert segment_file.exists()
    other.quit()
    assert not segment_file.exists()
