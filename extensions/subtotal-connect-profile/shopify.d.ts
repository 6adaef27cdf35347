/** What Shopify gives the extension at its target. */
declare const shopify: import('@shopify/ui-extensions/customer-account.profile.block.render').Api;
