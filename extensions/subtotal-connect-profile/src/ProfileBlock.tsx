// "Link your accounts" on the customer's profile page.

import '@shopify/ui-extensions/preact';
import { Fragment, render } from 'preact';
import { useEffect, useState } from 'preact/hooks';

import { Door, Trouble, type Retailer } from './door';
import { RetailerRow } from './RetailerRow';
import { read } from './settings';

type State = { name: 'loading' | 'hidden' | 'failed' } | { name: 'ready'; retailers: Retailer[] };

export default async function extension(): Promise<void> {
  render(<ProfileBlock />, document.body);
}

function ProfileBlock() {
  const settings = read(shopify.settings.value);
  const [state, setState] = useState<State>({ name: 'loading' });
  const { appUrl } = settings;

  const door = appUrl ? new Door(appUrl, () => shopify.sessionToken.get()) : undefined;

  async function load(): Promise<void> {
    if (!door) return;
    try {
      const retailers = await door.retailers();
      setState(retailers ? { name: 'ready', retailers } : { name: 'hidden' });
    } catch (trouble) {
      const notThere = trouble instanceof Trouble && trouble.code === 'shop_not_configured';
      setState({ name: notThere ? 'hidden' : 'failed' });
    }
  }

  useEffect(() => {
    void load();
  }, [appUrl]);

  const say = shopify.i18n.translate;
  if (!door) {
    // Only the merchant sees the editor; customers see nothing until the block is set up.
    return shopify.extension.editor ? <s-banner tone="warning">{say('noAppUrl')}</s-banner> : null;
  }
  if (state.name === 'hidden') return null;
  const wanted = settings.retailers;
  const shown = state.name === 'ready' ? state.retailers.filter((each) => !wanted || wanted.includes(each.retailer_id)) : [];
  return (
    <s-section heading={settings.heading ?? say('heading')}>
      {state.name === 'loading' && <s-skeleton-paragraph />}
      {state.name === 'failed' && <Failed again={load} />}
      {state.name === 'ready' && shown.length === 0 && <s-paragraph>{say('empty')}</s-paragraph>}
      <s-query-container>
        <s-stack gap="base">
          {shown.map((retailer, index) => (
            <Fragment key={retailer.retailer_id}>
              {index > 0 && <s-divider />}
              <RetailerRow
                retailer={retailer}
                door={door}
                purchaseLink={settings.purchaseLinks.get(retailer.retailer_id)}
                returnUrl={settings.returnUrl}
                changed={load}
              />
            </Fragment>
          ))}
        </s-stack>
      </s-query-container>
    </s-section>
  );
}

function Failed({ again }: { again: () => Promise<void> }) {
  const [busy, setBusy] = useState(false);
  const retry = async () => {
    if (busy) return;
    setBusy(true);
    await again();
    setBusy(false);
  };
  return (
    <s-banner tone="warning">
      <s-stack gap="base">
        <s-paragraph>{shopify.i18n.translate('failed')}</s-paragraph>
        <s-button loading={busy} onClick={retry}>{shopify.i18n.translate('retry')}</s-button>
      </s-stack>
    </s-banner>
  );
}
