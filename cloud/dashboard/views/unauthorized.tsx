/** What a browser without session sees: how to get one. */
export function UnauthorizedPage() {
  return (
    <div className="card empty">
      <h1>This browser is not signed in</h1>
      <p>
        Open the address that the cloud printed when it started. It holds a token that works once and gives this browser
        a session:
      </p>
      <pre>
        <code>http://127.0.0.1:…/#token=…</code>
      </pre>
      <p>
        Is it gone, or used already? Stop the cloud, and start it again for a new one: <code>npm start</code>
      </p>
    </div>
  );
}
