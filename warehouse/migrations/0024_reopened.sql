-- A closed problem that has come back: somebody of the office says so, with a new limit, and another person agrees.
ALTER TABLE hub.rectification_report ADD COLUMN due_on date;
ALTER TABLE hub.rectification_report
  DROP CONSTRAINT rectification_report_kind_check,
  DROP CONSTRAINT rectification_report_check2,
  ADD CHECK (kind IN ('progress', 'closure', 'reopen')),
  ADD CHECK (CASE kind WHEN 'closure' THEN progress_pct = 100 WHEN 'reopen' THEN progress_pct < 100 ELSE true END),
  ADD CHECK ((kind = 'reopen') = (due_on IS NOT NULL));
