{# Viewer numbers whose rows disagree about the viewer-day: they would count in two cells. #}
{% test viewers_are_of_one_kind(model) %}
    select viewer_number
    from {{ model }}
    where {{ in_days() }}
    group by platform, day, viewer_number
    having
        count(
            distinct (
                country, continent, provider, startup_bin, rebuffer_bin,
                first_of_week, first_of_month, at_peak
            )
        ) > 1
{% endtest %}
