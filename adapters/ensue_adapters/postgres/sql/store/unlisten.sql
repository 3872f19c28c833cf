-- Say that nobody listens on a channel any more.
SELECT ensue.unlisten(:namespace, :mine);
