// One retailer: its name, and the button Subtotal's documentation suggests for its status.

import { useState } from 'preact/hooks';

import { web, type Door, type Retailer } from './door';

interface Props {
  retailer: Retailer;
  door: Door;
  purchaseLink: string | undefined;
  returnUrl: string;
  /** Asks again what there is. */
  changed: () => Promise<void>;
}

export function RetailerRow({ retailer, door, purchaseLink, returnUrl, changed }: Props) {
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState(false);
  const { name, connection } = retailer;
  const say = (key: string) => shopify.i18n.translate(key, { name });
  const dialog = `disconnect-${retailer.retailer_id}`;
  const icon = web(retailer.images?.icon?.light);

  /** Does it once, whatever is pressed meanwhile. */
  const once = (work: () => Promise<void>) => async () => {
    if (busy) return;
    setBusy(true);
    setFailed(false);
    try {
      await work();
    } catch {
      setFailed(true);
    }
    setBusy(false);
  };

  const link = once(async () => navigation.navigate(await door.link(retailer, returnUrl)));
  const disconnect = once(async () => {
    if (!connection) return;
    await door.disconnect(connection);
    shopify.toast.show(say('gone'));
    await changed();
  });

  return (
    <s-stack gap="small">
      <s-stack direction="inline" gap="base" alignItems="center" justifyContent="space-between">
        <s-stack direction="inline" gap="small" alignItems="center">
          {icon && <s-box inlineSize="32px"><s-image src={icon} alt="" inlineSize="fill" /></s-box>}
          <s-text type="strong">{name}</s-text>
          {connection?.status === 'active' && <s-badge>{say('linked')}</s-badge>}
        </s-stack>
        {connection?.status === 'active' ? (
          <s-stack direction="inline" gap="small">
            {purchaseLink && <s-button variant="primary" href={purchaseLink} target="_blank">{say('purchase')}</s-button>}
            <s-button variant="secondary" loading={busy} accessibilityLabel={say('disconnectName')} commandFor={dialog} command="--show">
              {say('disconnect')}
            </s-button>
          </s-stack>
        ) : (
          <s-button variant="primary" loading={busy} accessibilityLabel={again(connection?.status) ? say('loginName') : undefined} onClick={link}>
            {say(again(connection?.status) ? 'login' : 'link')}
          </s-button>
        )}
      </s-stack>
      {failed && <s-banner tone="warning">{say('failed')}</s-banner>}
      {connection?.status === 'active' && (
        <s-modal id={dialog} heading={say('question')}>
          <s-paragraph>{say('stops')}</s-paragraph>
          <s-button slot="secondary-actions" commandFor={dialog} command="--hide">{say('keep')}</s-button>
          <s-button slot="primary-action" variant="primary" commandFor={dialog} command="--hide" onClick={disconnect}>
            {say('disconnect')}
          </s-button>
        </s-modal>
      )}
    </s-stack>
  );
}

/** initialized, disconnected, revoked and what nobody knows yet are no connection. */
function again(status: string | undefined): boolean {
  return status === 'unauthenticated';
}
