select coalesce(json_object_agg(race, json_build_object('win', total)), '{}')
from (
  select races.race, coalesce(sum(bets.amount), 0) as total
  from wagering.races
  left join wagering.bets
    on bets.race = races.race::text and bets.pool = 'win' and state <> 'cancelled' and not test
  group by races.race
) as sums
