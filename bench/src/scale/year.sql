-- What a year of many users leaves in a registry, one text for SQLite and PostgreSQL. It runs in one
-- transaction over the schema of migrations/, on a registry with two people (the scientist and the
-- administrator who are timed later) and the filters that the scientist uploaded.
--
-- Words with a colon are put in by year.rs:
--   :users :filters :nights   how much of each
--   :now                      this instant [ms]
--   :scientist                the id of the scientist
--   :deep                     the scientist's filter with a long history
-- The tables `counter` (i from 0), `template` (what the uploaded programs say of themselves, by k from
-- 0), `program` (the digest of a real component for the filters 0, 10, 20 ...) and `nights` (i from 0) are
-- there already, and a component `placeholder`.
--
-- Ids: users 1000 + i, groups 900000 + i, filters 1000000 + i, settings 10000000 + 4 i + j.

-- People, three tokens each; 50 groups of 20, one of all.
insert into owners (id, name, kind, created_ms)
select 1000 + i, 'user-' || cast(10000 + i as text), 'user', :now - 30000000000 from counter where i < :users;
insert into users (id, role) select 1000 + i, 'scientist' from counter where i < :users;
insert into identities (issuer, subject, user_id, since_ms)
select 'https://sso.example.org', 'subject-' || cast(i as text), 1000 + i, :now from counter where i < :users;
insert into tokens (id, user_id, name, hash, created_ms, revoked_ms)
select 1000 + 3 * c.i + j.i, 1000 + c.i, 'laptop', 'hash-' || cast(3 * c.i + j.i as text), :now - 30000000000,
       case when j.i = 0 then :now - 1000000000 end
from counter c join counter j on j.i < 3 where c.i < :users;
-- The scientist has had as many tokens as a list shows.
insert into tokens (id, user_id, name, hash, created_ms, revoked_ms)
select 100000 + i, :scientist, 'cluster', 'hash-s-' || cast(i as text), :now - 20000000000 + i,
       case when i > 90 then :now - 1000000000 end
from counter where i < 1200;
insert into owners (id, name, kind, created_ms)
select 900000 + i, 'group-' || cast(100 + i as text), 'group', :now - 30000000000 from counter where i < 50;
insert into user_groups (id, summary)
select 900000 + i, 'A collaboration' from counter where i < 50;
insert into members (group_id, user_id, role, since_ms)
select 900000 + g.i, 1000 + (20 * g.i + m.i) % :users, case when m.i = 0 then 'manager' else 'member' end,
       :now - 20000000000
from counter g join counter m on m.i < 20 where g.i >= 1 and g.i < 50;
insert into members (group_id, user_id, role, since_ms)
select 900000, 1000 + i, 'member', :now - 20000000000 from counter where i < :users and i < 990;
insert into members (group_id, user_id, role, since_ms)
select 900000 + i, :scientist, 'member', :now - 20000000000 from counter where i < 5;
insert into programmes (group_id, stream, programme, granted_by, granted_ms)
select 900000 + g.i, 'ztf', 1 + p.i, null, :now from counter g join counter p on p.i < 3 where g.i < 50;
insert into quotas (owner_id, name, value, reason, set_by, set_ms)
select 1000 + i, 'filters', 200, 'a large programme', null, :now from counter where i < :users / 5;
insert into usage (owner_id, name, period, used)
select 1000 + c.i, 'compile_s_per_day', d.night, 10 + d.i % 7
from counter c join nights d on d.i >= :nights - 30 and d.i < :nights where c.i < :users;
insert into kept_answers (user_id, request_key, digest, created_ms, status, location, etag, body)
select 1000 + i, 'key-1', 'digest', :now, 201, '', '', '{}' from counter where i < :users;

-- Filters. Every tenth is live; the next three of ten were, and rest in three ways. Every twentieth
-- belongs to a group, every hundredth to the scientist, every eleventh is public, every 41st deleted.
insert into filters (id, owner_id, name, stream, topic, summary, versions, created_ms, updated_ms,
                     deleted_ms, visibility, open_bytes, revision)
select 1000000 + i,
       case when i % 100 = 7 then :scientist when i % 20 = 5 then 900000 + (i / 20) % 50 else 1000 + i % :users end,
       'filter-' || cast(100000 + i as text),
       case when i % 10 < 7 then 'ztf' else 'elsewhere' end,
       'skysieve.scale.filter-' || cast(100000 + i as text),
       'Looks for something, as number ' || cast(i as text), 3, :now - 30000000000 + 2000000 * i,
       :now - 20000000000 + 1000000 * i,
       case when i % 41 = 40 and i % 10 > 3 then :now end,
       case when i % 11 = 3 then 'public' else 'private' end, 0, 5
from counter where i < :filters;
-- The bytes of the live versions are there; of the others some stand for all.
insert into components (digest, wasm, created_ms)
select 'placeholder-' || cast(3 * c.i + v.i as text), x.wasm, :now
from counter c join counter v on v.i < 3 join components x on x.digest = 'placeholder'
where c.i < :filters;
insert into versions (filter_id, number, digest, description, title, trial, notes, source, created_by, created_ms)
select 1000000 + c.i, 1 + v.i,
       case when v.i = 2 and c.i % 10 = 0 then p.digest
            else 'placeholder-' || cast(3 * c.i + v.i as text) end,
       t.description, t.title, t.trial, 'As agreed in the last meeting of the working group', '',
       :scientist, :now - 10000000000 + 1000 * c.i
from counter c join counter v on v.i < 3
join template t on t.k = (c.i / 10) % 5
left join program p on p.n = c.i
where c.i < :filters;
insert into settings (number, filter_id, version, parameters, payload, digest, created_by, created_ms)
select 10000000 + 4 * c.i + s.i, 1000000 + c.i, case when s.i < 3 then 1 + s.i else 3 end, '{}', 'packet',
       'choice-' || cast(s.i as text), :scientist, :now - 10000000000 + 1000 * c.i + s.i
from counter c join counter s on s.i < 4 where c.i < :filters;
insert into activations (filter_id, lane, setting, state, reason, since_ms)
select 1000000 + i, 'main', 10000000 + 4 * i + 3,
       case i % 10 when 0 then 'active' when 1 then 'paused' when 2 then 'suspended' else 'retired' end,
       case i % 10 when 2 then 'it failed on every alert' else '' end, :now - 5000000000
from counter where i < :filters and i % 10 < 4;
insert into activation_history (filter_id, number, action, setting, reason, by_id, at_ms)
select 1000000 + c.i, 1 + h.i, 'activate', 10000000 + 4 * c.i + h.i % 4, '', :scientist, :now - 10000000000 + h.i
from counter c join counter h on h.i < 6 where c.i < :filters and c.i % 10 < 4;
insert into schedules (filter_id, setting, at_ms, by_id, made_ms)
select 1000000 + i, 10000000 + 4 * i, :now + 30000000000, :scientist, :now
from counter where i < :filters and i % 100 = 4;
insert into gate_lifts (id, filter_id, reason, lifted_by, lifted_ms, ended_by, ended_ms)
select 1000 + i, 1000000 + i, 'a flare is expected', null, :now, null, null
from counter where i < :filters and i % 100 = 0;

-- Counts: of the live filters for the whole time, of those that were live for 30 nights.
insert into night_counts (setting, night, evaluated, passed, lacking, fuel, elapsed_ns, skipped, bytes_out)
select 10000000 + 4 * c.i + 3, n.night, 200000 + c.i, 40, 3, 4000000000, 60000000000, 0, 2400000
from counter c join nights n on n.i < :nights and (c.i % 10 = 0 or n.i < 30)
where c.i < :filters and c.i % 10 < 4;
insert into filter_nights (filter_id, night, setting)
select s.filter_id, n.night, n.setting from night_counts n join settings s on s.number = n.setting;
insert into night_outcomes (setting, night, outcome, name, alerts)
select n.setting, n.night, case o.i when 3 then 'failed' else 'rejected' end,
       case o.i when 0 then 'faint' when 1 then 'moving' when 2 then 'bogus' else 'trap' end, 1000 + o.i
from night_counts n join counter o on o.i < 4;
insert into night_costs (setting, night, cost, bin, alerts, at_ms)
select 10000000 + 4 * c.i + 3, n.night, case b.i % 2 when 0 then 'fuel' else 'time_ns' end, 80 + b.i / 2, 10000, :now
from counter c join nights n on n.i >= :nights - 30 and n.i < :nights join counter b on b.i < 16
where c.i < :filters and c.i % 10 = 0;
insert into last_alerts (setting, at_ms, alert_id, object_id, night)
select 10000000 + 4 * i + 3, :now - i, cast(i as text), 'ZTF26aaaaaaa', (select max(night) from nights where i < :nights)
from counter where i < :filters and i % 10 < 4;
insert into withholdings (filter_id, night, quota, first_ms, last_ms)
select 1000000 + c.i, n.night, 'gate', :now, :now
from counter c join nights n on n.i >= :nights - 5 and n.i < :nights where c.i < :filters and c.i % 10 = 0;

-- What hosts noted: kept for 30 days.
insert into log_lines (filter_id, number, at_ms, night, level, setting, version, alert_id, message)
select 1000000 + c.i, 1 + l.i, :now - 1000 * l.i, n.night, l.i % 4, 10000000 + 4 * c.i + 3, 3, cast(l.i as text),
       'the light curve has fewer than five detections'
from counter c join counter l on l.i < 100 join nights n on n.i = :nights - 1 - l.i / 10
where c.i < :filters and c.i % 10 = 0;
insert into log_numbers (filter_id, last)
select 1000000 + i, 100 from counter where i < :filters and i % 10 = 0;
insert into log_nights (filter_id, night, lines, bytes, dropped, at_ms)
select 1000000 + c.i, n.night, 10, 470, 0, :now
from counter c join nights n on n.i >= :nights - 10 and n.i < :nights where c.i < :filters and c.i % 10 = 0;
insert into causes (filter_id, id, version, kind, place, alerts, first_ms, last_ms, night, night_alerts, message,
                    alert_id, object_id, example_night, setting, source_topic, source_partition, source_offset,
                    record, packet)
select 1000000 + c.i, 'cause-' || cast(k.i as text), 3, 'trap', 'src/lib.rs:' || cast(k.i as text), 100, :now, :now - k.i,
       n.night, 10, 'index out of bounds', '1', 'ZTF26aaaaaaa', n.night, 10000000 + 4 * c.i + 3, 'night.tar', 0, 1, 0,
       x.wasm
from counter c join counter k on k.i < 3 join nights n on n.i = :nights - 1
join components x on x.digest = 'placeholder'
where c.i < :filters and c.i % 10 = 0;

-- Back-tests of all that were switched on; the latest have their results.
insert into backtests (id, filter_id, owner_id, stream, setting, against, source, alerts, state, reason, cancel, host,
                       lease_ms, claims, judged, passed, fraction, checkpoint, result, created_by, created_ms,
                       started_ms, ended_ms)
select 1000000 + 3 * c.i + b.i, f.id, f.owner_id, f.stream, 10000000 + 4 * c.i + b.i, null,
       '{"from":"archive","nights":[],"since_ms":null,"until_ms":null}', 100000, 'done', '', 0, '', 0, 0, 100000, 40, 1.0,
       '', '', :scientist, :now - 9000000000 + 10 * c.i, :now - 8000000000, :now - 7000000000
from counter c join counter b on b.i < 3 join filters f on f.id = 1000000 + c.i
where c.i < :filters and c.i % 10 < 4;

-- Notices, to two targets each; kept for 90 days.
insert into notice_targets (id, owner_id, medium, address, secret, kinds, confirmed_ms, reason, given_up, created_ms)
select 1000 + 2 * c.i + t.i, 1000 + c.i, 'webhook', 'https://example.org/' || cast(2 * c.i + t.i as text), 'secret', '[]',
       :now, '', 0, :now
from counter c join counter t on t.i < 2 where c.i < :users;
insert into notices (id, owner_id, filter_id, kind, text, document, created_ms)
select 1000000 + 50 * c.i + n.i, 1000 + c.i, null, 'quota.reached', 'a quota is used up', '{}', :now - 5000000000 + n.i
from counter c join counter n on n.i < 50 where c.i < :users;
insert into notice_deliveries (notice_id, target_id, state, tries, next_ms, leased_until_ms, reason, ended_ms)
select 1000000 + 50 * c.i + n.i, 1000 + 2 * c.i + t.i, 'delivered', 1, :now, 0, '', :now
from counter c join counter n on n.i < 50 join counter t on t.i < 2 where c.i < :users;

-- The audit log: 30 lines of each filter, in the order of time; a rare word among them.
insert into audit (id, at_ms, actor_id, actor, token_id, action, owner_id, filter_id, subject, detail)
select 1000000 + :filters * l.i + c.i, :now - 20000000000 + :filters * l.i + c.i, :scientist, 'somebody', 1,
       case when l.i = 0 and c.i % 500 = 0 then 'filter.delete'
            when l.i % 3 = 0 then 'version.upload' when l.i % 3 = 1 then 'setting.make' else 'filter.activate' end,
       f.owner_id, f.id, 'somebody/' || f.name, '{"setting":1}'
from counter c join counter l on l.i < 30 join filters f on f.id = 1000000 + c.i where c.i < :filters;

-- The deep filter: as much of everything as one filter may gather.
insert into components (digest, wasm, created_ms)
select 'deep-' || cast(v.i as text), x.wasm, :now
from counter v join components x on x.digest = 'placeholder' where v.i < 500;
insert into versions (filter_id, number, digest, description, title, trial, notes, source, created_by, created_ms)
select :deep, 2 + v.i, 'deep-' || cast(v.i as text), t.description, t.title, t.trial, 'Another try', '', :scientist,
       :now - 10000000000 + 1000 * v.i
from counter v join template t on t.k = v.i % 5 where v.i < 500;
update filters set versions = 501 where id = :deep;
insert into settings (number, filter_id, version, parameters, payload, digest, created_by, created_ms)
select 20000000 + s.i, :deep, 2 + s.i % 500, '{}', 'packet', 'deep-' || cast(s.i as text), :scientist,
       :now - 10000000000 + 1000 * s.i
from counter s where s.i < 2000;
insert into activation_history (filter_id, number, action, setting, reason, by_id, at_ms)
select :deep, 1000 + h.i, 'activate', 20000000 + h.i % 2000, '', :scientist, :now - 10000000000 + h.i
from counter h where h.i < 5000;
insert into night_counts (setting, night, evaluated, passed, lacking, fuel, elapsed_ns, skipped, bytes_out)
select 20000000 + 5 * n.i + s.i, n.night, 200000, 40, 3, 4000000000, 60000000000, 0, 2400000
from nights n join counter s on s.i < 5 where n.i < :nights;
insert into filter_nights (filter_id, night, setting)
select :deep, n.night, 20000000 + 5 * n.i + s.i from nights n join counter s on s.i < 5 where n.i < :nights;
insert into night_outcomes (setting, night, outcome, name, alerts)
select 20000000 + 5 * n.i + s.i, n.night, 'rejected', 'reason-' || cast(o.i as text), 1000 + o.i
from nights n join counter s on s.i < 5 join counter o on o.i < 10 where n.i < :nights;
insert into night_costs (setting, night, cost, bin, alerts, at_ms)
select 20000000 + 5 * n.i + s.i, n.night, case b.i % 2 when 0 then 'fuel' else 'time_ns' end, 80 + b.i / 2, 10000, :now
from nights n join counter s on s.i < 5 join counter b on b.i < 60 where n.i >= :nights - 30 and n.i < :nights;
insert into last_alerts (setting, at_ms, alert_id, object_id, night)
select 20000000 + 5 * n.i + s.i, :now - n.i, cast(n.i as text), 'ZTF26aaaaaaa', n.night
from nights n join counter s on s.i < 5 where n.i < :nights;
insert into withholdings (filter_id, night, quota, first_ms, last_ms)
select :deep, n.night, q.quota, :now, :now
from nights n join (select 'gate' as quota union all select 'alerts_per_night' union all select 'bytes_per_night') q
  on n.i < :nights;
insert into schedules (filter_id, setting, at_ms, by_id, made_ms)
values (:deep, 20000000, :now + 30000000000, :scientist, :now);
insert into log_lines (filter_id, number, at_ms, night, level, setting, version, alert_id, message)
select :deep, 1 + l.i, :now - l.i, n.night, l.i % 3, 20000000, 2, cast(l.i as text),
       'the light curve has fewer than five detections'
from counter l join nights n on n.i = :nights - 1 - (l.i / 1000) where l.i < 10000;
insert into log_numbers (filter_id, last) values (:deep, 10000);
insert into causes (filter_id, id, version, kind, place, alerts, first_ms, last_ms, night, night_alerts, message,
                    alert_id, object_id, example_night, setting, source_topic, source_partition, source_offset,
                    record, packet)
select :deep, 'cause-' || cast(k.i as text), 2 + k.i, 'trap', 'src/lib.rs:' || cast(k.i as text), 100, :now, :now - k.i,
       n.night, 10, 'index out of bounds', '1', 'ZTF26aaaaaaa', n.night, 20000000, 'night.tar', 0, 1, 0, x.wasm
from counter k join nights n on n.i = :nights - 1 join components x on x.digest = 'placeholder' where k.i < 100;
insert into backtests (id, filter_id, owner_id, stream, setting, against, source, alerts, state, reason, cancel, host,
                       lease_ms, claims, judged, passed, fraction, checkpoint, result, created_by, created_ms,
                       started_ms, ended_ms)
select 2000000 + b.i, :deep, :scientist, 'ztf', 20000000 + b.i % 2000, null,
       '{"from":"archive","nights":[],"since_ms":null,"until_ms":null}', 100000, 'done', '', 0, '', 0, 0, 100000, 40, 1.0,
       '', '', :scientist, :now - 9000000000 + b.i, :now - 8000000000, :now - 7000000000
from counter b where b.i < 3000;
insert into notice_targets (id, owner_id, medium, address, secret, kinds, confirmed_ms, reason, given_up, created_ms)
select 500000 + i, :scientist, 'webhook', 'https://example.org/s-' || cast(i as text), 'secret', '[]', :now, '', 0, :now
from counter where i < 10;
insert into notices (id, owner_id, filter_id, kind, text, document, created_ms)
select 5000000 + n.i, :scientist, :deep, 'filter.throttled', 'more passes than the gate lets through', '{}', :now - 5000 + n.i
from counter n where n.i < 5000;
insert into notice_deliveries (notice_id, target_id, state, tries, next_ms, leased_until_ms, reason, ended_ms)
select 5000000 + n.i, 500000 + t.i, 'delivered', 1, :now, 0, '', :now
from counter n join counter t on t.i < 10 where n.i < 5000;
insert into audit (id, at_ms, actor_id, actor, token_id, action, owner_id, filter_id, subject, detail)
select 5000000 + l.i, :now - 5000 + l.i, :scientist, 'somebody', 1, 'filter.activate', :scientist, :deep, 'somebody/deep',
       '{"setting":1}'
from counter l where l.i < 5000;

-- The numbers go on behind all that.
update numbers set last = 30000000 where name in ('owner', 'token', 'filter', 'setting', 'audit', 'backtest',
                                                  'gate_lift', 'notice', 'notice_target');
update generation set number = number + 1;
