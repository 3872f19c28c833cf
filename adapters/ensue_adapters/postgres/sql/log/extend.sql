-- Make partitions until one holds a position.
SELECT ensue.extend_log(:position);
