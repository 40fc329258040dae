{# Viewer-days that contribute more than the policy's bounds. #}
{% test within_bounds(model, keys=['day', 'viewer']) %}
    with viewer_days as (
        select
            count(*) as videos,
            max(seconds) as most_seconds,
            min(seconds) as fewest_seconds,
            sum(seconds) as seconds
        from {{ model }}
        where {{ in_days() }}
        group by {{ keys | join(', ') }}
    )

    select 1 as beyond
    from viewer_days
    cross join {{ source('policy', 'bounds') }} as bounds
    where
        viewer_days.videos > bounds.videos_per_viewer_day
        or viewer_days.most_seconds > bounds.seconds_per_video
        or viewer_days.fewest_seconds < 0
        or viewer_days.seconds > bounds.seconds_per_day
{% endtest %}
