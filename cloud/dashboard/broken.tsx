/** Broken: keeps the frame when a page cannot be drawn, and says why, so that a bug can be reported. */
import { Component, type ReactNode } from 'react';

export class Broken extends Component<{ readonly children: ReactNode }, { readonly error: Error | null }> {
  override state = { error: null as Error | null };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (!error) return this.props.children;
    return (
      <div className="card empty">
        <h1>This page cannot be drawn</h1>
        <p role="alert">{error.message}</p>
        <p>
          This is a fault of the dashboard; nothing is lost. <a href="#/">Go to the overview</a>, or load the page
          again.
        </p>
      </div>
    );
  }
}
