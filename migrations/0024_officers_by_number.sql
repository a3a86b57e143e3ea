-- An administrative number names one officer: it stands in the procès-verbal in place
-- of a name, and an administrator empowers by it. Kept by the index, not by a look before.
drop index officers_by_rio;
create unique index officers_once_by_rio on officers (rio) where rio <> '';
