-- What a person needs to recognise a session in the list of their own: two
-- coarse words. What the browser says of itself (version, device) is not kept.
alter table sessions add column browser text not null default 'other'
    check (browser in ('firefox', 'chrome', 'edge', 'safari', 'other'));
alter table sessions add column device text not null default 'other'
    check (device in ('windows', 'macos', 'linux', 'android', 'ios', 'other'));
-- Which session ended it, by its handle; none when it ended itself.
alter table sessions add column ended_by text;

-- The session a seat was taken with: ending the one gives the other up. A
-- session that merely ran out does not, since a hearing may outlast it.
alter table seats add column session_id text;
