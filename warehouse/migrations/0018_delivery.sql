-- The hub's day a delivery was taken in: a demonstration county lives on a day of its own, and a late delivery is late by that day.
ALTER TABLE hub.batch ADD COLUMN received_on date;
UPDATE hub.batch SET received_on = (committed_at AT TIME ZONE 'Asia/Shanghai')::date;
