"""Rates of a judged file, by unit or any other column, with what was left out beside each rate.

on_time_pct = on_time / due, in tickets whose deadline has passed by the as-of day, those still open among them (B3 counts
by due date, not by day of recording or closing). What is not in it stands beside it: not_due (deadline ahead), suspended,
undeterminable, excluded (approved exclusions), not_assessed (merged, rejected, same upstream number).
"""

from __future__ import annotations

from schemas.clock import AsOf
from views.tickets.reading import TicketFile

COLUMNS = (
    "tickets", "due", "on_time", "late", "open_overdue", "on_time_pct", "not_due", "suspended", "undeterminable", "excluded",
    "not_assessed", "median_elapsed_minutes", "returns", "redos", "extended", "contact_due", "contacted_in_time", "response_pct",
    "callbacks", "unreached", "rated", "solved", "solved_pct", "satisfied", "satisfaction_pct",
)  # fmt: skip
GROUPS = ("unit", "category", "place", "demand_type", "month")
_SATISFIED = "('非常满意', '满意', '基本满意')"
_RATED = "('非常满意', '满意', '基本满意', '不满意', '非常不满意', '一般', '不基本满意')"


def by(
    file: TicketFile,
    as_of: AsOf,
    group: str,
    *,
    missing: str = "exclude",
    unreached: str = "exclude",
    contact_hours: int = 24,
) -> str:
    """SQL for one row per group, the whole file first (group NULL): the group, then COLUMNS.

    Args:
        file: A file `assess` has judged.
        as_of: The same as-of.
        group: One of GROUPS; month is that of the deadline.
        missing: What an undeterminable ticket is: left out (exclude), or late (late).
        unreached: What a callback that reached nobody or got no answer is: left out (exclude), or unsolved and dissatisfied (dissatisfied).
        contact_hours: Limit of the first contact, 7×24 hours from dispatch.
    """
    key = "strftime(due_at, '%Y-%m')" if group == "month" else group
    late = "verdict = 'late' OR verdict = 'undeterminable'" if missing == "late" else "verdict = 'late'"
    called = "reached IS NOT NULL OR satisfaction IS NOT NULL OR solved IS NOT NULL"
    valid = f"({called}) AND coalesce(reached, TRUE)"
    base = "called" if unreached == "dissatisfied" else "valid"
    contact_due = (
        f"dispatched_at IS NOT NULL AND dispatched_at + INTERVAL {int(contact_hours)} HOUR < {as_of.horizon_sql}"
    )
    has_contact = "TRUE" if file.has("first_contact_at") or file.mapping.is_events else "FALSE"
    return f"""
WITH marked AS (
  SELECT *, coalesce({key}, '（未填）') AS grp,
    verdict <> 'not_assessed' AND NOT excluded AS counted,
    {late} AS is_late, {called} AS called, {valid} AS valid,
    due_at < {as_of.now_sql} AS due_passed,
    {has_contact} AND ({contact_due}) AS contact_due,
    first_contact_at <= dispatched_at + INTERVAL {int(contact_hours)} HOUR AS contacted
  FROM assessed
),
counted AS (
  SELECT grp, grouping(grp) AS whole,
    count(*) FILTER (counted) AS tickets,
    count(*) FILTER (counted AND verdict = 'on_time' AND due_passed) AS on_time,
    count(*) FILTER (counted AND is_late) AS late,
    count(*) FILTER (counted AND verdict = 'open_overdue') AS open_overdue,
    count(*) FILTER (counted AND (verdict = 'open_not_due' OR (verdict = 'on_time' AND NOT coalesce(due_passed, FALSE)))) AS not_due,
    count(*) FILTER (counted AND verdict = 'suspended') AS suspended,
    count(*) FILTER (counted AND verdict = 'undeterminable' AND NOT is_late) AS undeterminable,
    count(*) FILTER (excluded AND verdict <> 'not_assessed') AS excluded,
    count(*) FILTER (verdict = 'not_assessed') AS not_assessed,
    CAST(median(elapsed_minutes) FILTER (counted AND stop_at IS NOT NULL) AS BIGINT) AS median_elapsed_minutes,
    sum(returns) FILTER (counted) AS returns, sum(redos) FILTER (counted) AS redos, count(*) FILTER (counted AND extension > 0) AS extended,
    count(*) FILTER (counted AND contact_due) AS contact_due,
    count(*) FILTER (counted AND contact_due AND contacted) AS contacted_in_time,
    count(*) FILTER (counted AND called) AS callbacks,
    count(*) FILTER (counted AND called AND NOT valid) AS unreached,
    count(*) FILTER (counted AND {base} AND (NOT valid OR satisfaction IN {_RATED})) AS rated,
    count(*) FILTER (counted AND {base} AND (NOT valid OR solved IS NOT NULL)) AS solve_base,
    count(*) FILTER (counted AND valid AND (solved IN ('已解决', '是', '解决', '1', 'true'))) AS solved,
    count(*) FILTER (counted AND valid AND satisfaction IN {_SATISFIED}) AS satisfied
  FROM marked GROUP BY GROUPING SETS ((), (grp))
)
SELECT CASE WHEN whole = 1 THEN '合计' ELSE grp END AS "{group}", tickets, on_time + late + open_overdue AS due, on_time, late, open_overdue,
  {_pct("on_time", "on_time + late + open_overdue")} AS on_time_pct, not_due, suspended, undeterminable, excluded, not_assessed,
  median_elapsed_minutes, returns, redos, extended, contact_due, contacted_in_time,
  {_pct("contacted_in_time", "contact_due")} AS response_pct, callbacks, unreached, rated, solved,
  {_pct("solved", "solve_base")} AS solved_pct, satisfied, {_pct("satisfied", "rated")} AS satisfaction_pct
FROM counted ORDER BY whole DESC, tickets DESC, grp"""


def _pct(part: str, whole: str) -> str:
    return f"round(100.0 * ({part}) / nullif({whole}, 0), 2)"
