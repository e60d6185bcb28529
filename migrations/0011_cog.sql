-- A generation remembers which server of the operator's own its last call went to; null is Replicate. It is read from the
-- catalogue when the intent is written: a server that moved is found by the next call, and no call changes hands.
alter table generation add column endpoint text;
