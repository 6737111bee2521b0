-- Usage is found by its product as the document names it.

create index concurrently usage_named on usage (coalesce(body #>> '{product,id}', product_id), id);
-- contract: nobody asked for it by that
drop index concurrently usage_product;
