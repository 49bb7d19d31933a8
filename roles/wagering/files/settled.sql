select json_build_object(
  'unsettled', count(*) filter (where not test),
  'races', coalesce(string_agg(distinct race, ', ') filter (where not test), ''),
  'tests', count(*) filter (where test))
from wagering.bets
left join wagering.races using (race)
where state = 'accepted' and (test or coalesce(closed, true))
