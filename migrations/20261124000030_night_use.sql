-- Every second each host asks what filters have sent out of the nights that it has alerts of. By the
-- primary key that is a look at every night that a setting ever had, where the planner prefers to read
-- the table; by night it is a row of each setting that ran.
create index night_counts_night on night_counts (night, setting);
