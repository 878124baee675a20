#!/bin/sh
# Kafka's command line tools; the name it is called by says which.
case $(basename "$0" .sh) in
    kafka-topics) class=org.apache.kafka.tools.TopicCommand ;;
    kafka-broker-api-versions) class=org.apache.kafka.tools.BrokerApiVersionsCommand ;;
    kafka-console-consumer) class=org.apache.kafka.tools.consumer.ConsoleConsumer ;;
    kafka-console-producer) class=org.apache.kafka.tools.ConsoleProducer ;;
    kafka-consumer-groups) class=org.apache.kafka.tools.consumer.group.ConsumerGroupCommand ;;
    kafka-get-offsets) class=org.apache.kafka.tools.GetOffsetShell ;;
    kafka-metadata-quorum) class=org.apache.kafka.tools.MetadataQuorumCommand ;;
    kafka-storage) class=kafka.tools.StorageTool ;;
    *) echo "$0: this image has no such tool." >&2; exit 2 ;;
esac
# The broker's heap is not for a tool beside it. First-tier code only: a tool is gone before better code pays.
exec java -Xmx256M -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
    -Dlog4j2.configurationFile=/etc/kafka/docker/tools-log4j2.properties -cp '/opt/kafka/libs/*' "$class" "$@"
