with changes as (
    select
        day,
        session_id,
        video_id,
        unnest([start_ms, end_ms]) as at_ms,
        unnest([1, -1]) as change
    from {{ ref('int_presence') }}
),

netted as (
    -- a view that plays on cancels itself out here: one span's end is the next one's start
    select
        views.day,
        views.viewer,
        changes.at_ms,
        sum(changes.change)::bigint as change
    from changes
    inner join {{ ref('int_views') }} as views
        on
            changes.day = views.day
            and changes.session_id = views.session_id
            and changes.video_id = views.video_id
    where views.played
    group by views.day, views.viewer, changes.at_ms
    having sum(changes.change) != 0
),

levels as (
    select
        day,
        viewer,
        at_ms,
        sum(change) over (partition by day, viewer order by at_ms) as views_present
    from netted
),

edges as (
    -- instants at which the viewer comes or goes; a second view of the same viewer is neither
    select
        *,
        lead(at_ms) over (partition by day, viewer order by at_ms) as until_ms
    from (
        select
            *,
            lag(views_present, 1, 0) over (partition by day, viewer order by at_ms) as views_before
        from levels
    ) as steps
    where (views_present > 0) != (views_before > 0)
)

select
    day,
    viewer,
    at_ms as start_ms,
    until_ms as end_ms
from edges
where views_present > 0
