-- An accepted report moves its problem: what the ledger said of it then (once the ledger itself moves on, the ledger counts),
-- the hub's day, and its papers with their fingerprints. What has been answered stays as it is.
ALTER TABLE hub.rectification_report
  ADD COLUMN reported_on date,
  ADD COLUMN answered_on date,
  ADD COLUMN evidence text,
  ADD COLUMN ledger_status text,
  ADD COLUMN ledger_pct integer,
  ADD COLUMN ledger_reopened integer;
UPDATE hub.rectification_report SET reported_on = (reported_at AT TIME ZONE 'Asia/Shanghai')::date, answered_on = (answered_at AT TIME ZONE 'Asia/Shanghai')::date;
ALTER TABLE hub.rectification_report
  ALTER COLUMN reported_on SET NOT NULL,
  ADD CHECK ((accepted IS NULL) = (answered_on IS NULL)),
  ADD CHECK (answered_on >= reported_on);

CREATE FUNCTION hub.answered_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'an answered report stays as it is';
END $$;
CREATE TRIGGER answered_stays BEFORE UPDATE OR DELETE ON hub.rectification_report
  FOR EACH ROW WHEN (OLD.accepted IS NOT NULL) EXECUTE FUNCTION hub.answered_stays();
