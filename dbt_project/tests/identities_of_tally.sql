-- The tally's scopes divide the same contributions, which stay within the exact figures.
with figures as (
    select
        day,
        sum(value) filter (where scope = 'platform' and metric = 'viewers') as viewers,
        sum(value) filter (where scope = 'platform' and metric = 'views') as views,
        sum(value) filter (where scope = 'platform' and metric = 'watch_seconds') as seconds,
        sum(value) filter (where scope = 'video' and metric = 'viewers') as video_viewers,
        sum(value) filter (where scope = 'video' and metric = 'watch_seconds') as video_seconds,
        sum(value) filter (where metric like 'furthest_bin_%') as video_bins,
        sum(value) filter (where scope = 'creator' and metric = 'viewers') as creator_viewers,
        sum(value) filter (where scope = 'creator' and metric = 'watch_seconds') as creator_seconds,
        sum(value) filter (where scope = 'creator' and metric like 'viewers_%') as continent_viewers,
        sum(value) filter (where scope = 'region') as region_viewers,
        sum(value) filter (where scope = 'provider' and metric = 'viewers') as provider_viewers,
        sum(value) filter (where scope = 'provider' and metric like 'startup_%') as startups,
        sum(value) filter (where scope = 'provider' and metric like 'rebuffer_%') as rebuffers,
        sum(value) filter (where metric = 'peak_viewers') as peak,
        max(value) filter (where metric like 'first_of_%') as firsts
    from {{ ref('tally') }}
    where platform = {{ platform() }} and {{ in_days() }}
    group by day
)

select exact.day
from {{ ref('platform_day') }} as exact
left join figures on exact.day = figures.day
cross join {{ source('policy', 'bounds') }} as bounds
where
    exact.platform = {{ platform() }}
    and {{ in_days('exact.day') }}
    and (
        figures.viewers = exact.daily_active_viewers
        and figures.region_viewers = figures.viewers
        and figures.provider_viewers = figures.viewers
        and figures.startups = figures.viewers
        and figures.rebuffers = figures.viewers
        and figures.peak between 0 and figures.viewers
        and figures.firsts <= figures.viewers
        and figures.continent_viewers = figures.creator_viewers
        and figures.video_viewers = figures.views
        and figures.video_bins = figures.views
        and figures.creator_viewers between figures.viewers and figures.views
        and figures.video_seconds = figures.seconds
        and figures.creator_seconds = figures.seconds
        and figures.views between figures.viewers and least(
            exact.plays, figures.viewers * bounds.videos_per_viewer_day
        )
        and figures.seconds between 0 and least(
            exact.watch_seconds, figures.viewers * bounds.seconds_per_day
        )
    ) is not true
