-- A conflict also ends when what was said goes to another enterprise, by a merge or a parting.
ALTER TABLE hub.conflict DROP CONSTRAINT conflict_outcome_check;
ALTER TABLE hub.conflict ADD CONSTRAINT conflict_outcome_check CHECK (outcome IN ('agreed', 'withdrawn', 'kept', 'overruled', 'moved', 'regrouped'));
