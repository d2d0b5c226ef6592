# Makes of a new server an OpenID Connect provider with one client. What is there is left alone: a
# restored database keeps its signing key, an empty one gets a key that nobody has seen before.
use strict;
use warnings;
use HTTP::Tiny;
use JSON::PP;

my $url = $ENV{GLEWLWYD_URL};
my $http = HTTP::Tiny->new(timeout => 5);
my $cookie = '';

# A request with a JSON body; its status.
sub ask {
    my ($method, $path, $body) = @_;
    my %options = (headers => { 'content-type' => 'application/json', cookie => $cookie });
    $options{content} = encode_json($body) if $body;
    my $answer = $http->request($method, "$url/api/$path", \%options);
    my $set = $answer->{headers}{'set-cookie'} // '';
    $set = $set->[0] if ref $set;
    $cookie = $1 if $set =~ /^([^;]+)/;
    return $answer->{status};
}

# Makes `what` at a path unless it is there.
sub make {
    my ($what, $path, $list, $body) = @_;
    my $there = ask('GET', $path);
    return print "$what is there\n" if $there == 200;
    die "$what: asked for it, the server answered $there\n" if $there != 404;
    my $made = ask('POST', $list, $body);
    die "$what cannot be made: the server answered $made\n" if $made != 200;
    print "$what is made\n";
}

my $until = time + 120;
my %admin = (username => 'admin', password => $ENV{GLEWLWYD_ADMIN_PASSWORD});
while ((my $status = ask('POST', 'auth/', \%admin)) != 200) {
    # 599 is the client's own: nobody listens yet.
    die "the administrator cannot log in: $status\n" if $status != 599 || time > $until;
    select undef, undef, undef, 0.2;
}

my $yes = JSON::PP::true;
# The provider last: that it answers has to mean that everything is there.
make('the client', 'client/books', 'client/', {
    client_id => 'books', name => 'Books', enabled => $yes, confidential => $yes,
    client_secret => $ENV{GLEWLWYD_CLIENT_SECRET}, scope => [],
    authorization_type => ['code', 'password'],
    token_endpoint_auth_method => ['client_secret_post'],
    redirect_uri => ['http://books.localhost/callback'],
});

my $key = `openssl genrsa 2048 2>/dev/null`;
die "openssl made no key\n" if $? || $key !~ /PRIVATE KEY/;
make('the provider', 'mod/plugin/oidc', 'mod/plugin/', {
    module => 'oidc', name => 'oidc', display_name => 'OpenID Connect', order_rank => 0,
    parameters => {
        iss => $ENV{GLEWLWYD_ISSUER},
        'jwt-type' => 'rsa', 'jwt-key-size' => '256', key => $key, cert => public_of($key),
        'access-token-duration' => 3600, 'refresh-token-duration' => 86400, 'code-duration' => 600,
        'auth-type-code-enabled' => $yes, 'auth-type-password-enabled' => $yes,
        # A password for a token is plain OAuth 2.
        'allow-non-oidc' => $yes, 'jwks-show' => $yes, 'subject-type' => 'public',
        'name-claim' => 'mandatory', 'email-claim' => 'mandatory', 'scope-claim' => 'no',
    },
});

# The public half of a key.
sub public_of {
    my ($private) = @_;
    open my $file, '>', '/tmp/key.pem' or die "a file for the key: $!\n";
    chmod 0600, '/tmp/key.pem';
    print $file $private;
    close $file;
    my $public = `openssl rsa -in /tmp/key.pem -pubout 2>/dev/null`;
    unlink '/tmp/key.pem';
    return $public;
}
