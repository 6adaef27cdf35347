// One retailer: its name, and the button Subtotal's documentation suggests for its status.

import { useState } from 'preact/hooks';

import { web, type Door, type Retailer } from './door';

/** Beside each other where there is room for the longest button. */
const WHERE_WIDE = '@container (inline-size > 440px)';

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
  // initialized, disconnected, revoked and what nobody knows yet are no connection.
  const isActive = connection?.status === 'active';
  const isAgain = connection?.status === 'unauthenticated';
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
      <s-stack
        direction={`${WHERE_WIDE} inline, block`}
        alignItems={`${WHERE_WIDE} center, start`}
        justifyContent="space-between"
        gap="small"
      >
        <s-stack direction="inline" gap="small" alignItems="center">
          {icon && <s-box inlineSize="32px"><s-image src={icon} alt="" inlineSize="fill" /></s-box>}
          <s-text type="strong" dir="auto">{name}</s-text>
          {isActive && <s-badge>{say('linked')}</s-badge>}
        </s-stack>
        <s-stack direction="inline" gap="small">
          {isActive && purchaseLink && (
            <s-button key="purchase" variant="secondary" href={purchaseLink} target="_blank">{say('purchase')}</s-button>
          )}
          {/* One element whatever the status, so that the focus stays on it when a retailer is disconnected. */}
          {isActive ? (
            <s-button key="main" variant="secondary" loading={busy} accessibilityLabel={say('disconnectName')} commandFor={dialog} command="--show">
              {say('disconnect')}
            </s-button>
          ) : (
            <s-button
              key="main"
              variant={isAgain ? 'primary' : 'secondary'}
              loading={busy}
              accessibilityLabel={isAgain ? say('loginName') : undefined}
              onClick={link}
            >
              {say(isAgain ? 'login' : 'link')}
            </s-button>
          )}
        </s-stack>
      </s-stack>
      {failed && <s-banner tone="warning">{say('failed')}</s-banner>}
      {isActive && (
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
