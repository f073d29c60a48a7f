-- What a party was is kept row by row, and only where it changed: gathering all rows of each statement before and after, to
-- find the few whose enterprise changed, wrote the table out twice at every linking.
DROP TRIGGER party_history ON hub.party;
CREATE OR REPLACE FUNCTION hub.keep_party() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- Since when: since the last change that was kept, else since the first decision.
  INSERT INTO hub.party_history VALUES (OLD.party, OLD.enterprise_id,
    coalesce((SELECT max(known_to) FROM hub.party_history k WHERE k.party = OLD.party), OLD.decided_at), clock_timestamp());
  RETURN NULL;
END $$;
CREATE TRIGGER party_history AFTER UPDATE ON hub.party FOR EACH ROW
  WHEN (OLD.enterprise_id IS NOT NULL AND OLD.decided_at IS NOT NULL AND OLD.enterprise_id IS DISTINCT FROM NEW.enterprise_id)
  EXECUTE FUNCTION hub.keep_party();
