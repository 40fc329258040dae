{# Totals of the run's days whose missing rows are about fewer than k viewers, who could be had as
   total minus the rows that are shown. Counts the viewers of what is missing in `int_views`.

   mart     where the rows come from
   key      the column of a row
   totals   the export of what rows add up to
   within   its columns besides the day
#}
{% test rest_is_about_k_viewers(model, mart, key, totals, within=[]) %}
    with missing as (
        select mart.day, mart.{{ key }}
        from {{ mart }} as mart
        anti join {{ model }} as shown
            on mart.platform = shown.platform and mart.day = shown.day and mart.{{ key }} = shown.{{ key }}
        where mart.platform = {{ platform() }} and {{ in_days('mart.day') }}
    )

    select 1 as total_that_tells
    from {{ totals }} as totals
    inner join {{ ref('int_views') }} as views
        on totals.day = views.day
        {%- for column in within %} and totals.{{ column }} = views.{{ column }}{% endfor %}
    inner join missing on views.day = missing.day and views.{{ key }} = missing.{{ key }}
    where totals.platform = {{ platform() }}
    group by totals.day{% for column in within %}, totals.{{ column }}{% endfor %}
    having count(distinct views.viewer) filter (where views.played) < {{ k_anonymity() }}
{% endtest %}
